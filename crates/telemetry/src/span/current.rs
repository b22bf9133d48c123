//! Which span is the current one, for those that cannot be handed a span: log lines.
//!
//! Parents of spans never come from here.

use std::cell::RefCell;
use std::future::Future;
use std::mem::swap;
use std::pin::Pin;
use std::task::{Context, Poll};

use opentelemetry::{SpanId, TraceFlags, TraceId};
use pin_project_lite::pin_project;

use super::Inner;
use crate::shared::Shared;

thread_local! {
    static CURRENT: RefCell<Option<Shared<Inner>>> = const { RefCell::new(None) };
}

/// The span that the current work belongs to: its trace, itself, and whether it is sampled.
pub fn current() -> Option<(TraceId, SpanId, TraceFlags)> {
    // A log line may be written while the thread ends, when there is nothing left to look at.
    let found =
        CURRENT.try_with(|current| current.try_borrow().ok()?.as_ref().map(|inner| inner.ids()));
    found.ok().flatten()
}

/// Runs `work` with `span` as the current one, and leaves `span` as it was.
fn within<T>(span: &mut Option<Shared<Inner>>, work: impl FnOnce() -> T) -> T {
    exchange(span);
    let _restore = Restore(span);
    work()
}

/// Runs `work` with `span` as the current one.
pub(super) fn in_scope<T>(span: &Shared<Inner>, work: impl FnOnce() -> T) -> T {
    within(&mut Some(span.clone()), work)
}

/// Takes the current span out of its place and puts another one there.
fn exchange(span: &mut Option<Shared<Inner>>) {
    let exchanged = CURRENT.try_with(|current| {
        if let Ok(mut current) = current.try_borrow_mut() {
            swap(&mut *current, span);
        }
    });
    // While a thread ends there is no current span, and nobody who could ask.
    exchanged.unwrap_or_default();
}

/// Puts back what was there, also when the work panics.
struct Restore<'s>(&'s mut Option<Shared<Inner>>);

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        exchange(self.0);
    }
}

pin_project! {
    /// A future that runs with a span as the current one.
    pub(super) struct Instrumented<F> {
        #[pin]
        future: F,
        span: Option<Shared<Inner>>,
    }
}

impl<F> Instrumented<F> {
    pub(super) const fn new(future: F, span: Option<Shared<Inner>>) -> Self {
        Self { future, span }
    }
}

impl<F: Future> Future for Instrumented<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if this.span.is_none() {
            return this.future.poll(cx);
        }
        within(this.span, || this.future.poll(cx))
    }
}
