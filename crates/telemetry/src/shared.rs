//! Shared ownership of what exists only while telemetry is on: an [`Arc`], or nothing that could ever exist.
//!
//! A gateway that is built with `--cfg telemetry_compiled_out` cannot have a [`Shared`], the compiler knows it, and every
//! branch on one disappears. Such a gateway is what benchmarks compare telemetry that is switched off with; nobody else
//! builds it.

use std::fmt;
use std::ops::Deref;

#[cfg(not(telemetry_compiled_out))]
type Inner<T> = std::sync::Arc<T>;
#[cfg(telemetry_compiled_out)]
type Inner<T> = Absent<T>;

/// A value that some handles share.
pub(crate) struct Shared<T>(Inner<T>);

#[cfg(not(telemetry_compiled_out))]
impl<T> Shared<T> {
    /// Shares `value`.
    #[allow(clippy::unnecessary_wraps, reason = "built without telemetry, there is none")]
    pub(crate) fn new(value: T) -> Option<Self> {
        Some(Self(std::sync::Arc::new(value)))
    }
}

/// What cannot exist.
#[cfg(telemetry_compiled_out)]
pub(crate) struct Absent<T>(std::convert::Infallible, std::marker::PhantomData<T>);

#[cfg(telemetry_compiled_out)]
impl<T> Shared<T> {
    /// Lets `value` go.
    pub(crate) fn new(value: T) -> Option<Self> {
        drop(value);
        None
    }
}

#[cfg(telemetry_compiled_out)]
impl<T> Deref for Absent<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self.0 {}
    }
}

#[cfg(telemetry_compiled_out)]
impl<T> Clone for Absent<T> {
    fn clone(&self) -> Self {
        match self.0 {}
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
