//! The bodies of responses on their way to a client; each ends its exchange when it has been sent.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use hyper::body::Incoming;
use mcp_gateway_core::answer::BodyEnd;
use tokio::time::{Instant, Sleep};

use crate::broker::Body;
use crate::router::Exchange;

/// A server's answer, read while it passes.
pub(super) struct AnswerBody {
    body: Incoming,
    /// Taken when the answer is complete.
    exchange: Option<Exchange>,
    idle: Duration,
    silence: Pin<Box<Sleep>>,
}

impl AnswerBody {
    /// Reads `body`; `idle` is how long the server may be silent.
    pub(super) fn new(body: Incoming, exchange: Exchange, idle: Duration) -> Self {
        let silence = Box::pin(tokio::time::sleep(idle));
        Self { body, exchange: Some(exchange), idle, silence }
    }

    /// Ends the answer: the last bytes for the client, or an error when the client must see that it was cut.
    fn finish(&mut self, end: BodyEnd) -> Option<Result<Frame<Bytes>, io::Error>> {
        let mut exchange = self.exchange.take()?;
        let rest = exchange.answer_end(end);
        exchange.end();
        match rest {
            Ok(rest) => (!rest.is_empty()).then(|| Ok(Frame::data(rest))),
            Err(cut) => Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, cut))),
        }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        loop {
            let Some(exchange) = &mut this.exchange else { return Poll::Ready(None) };
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.silence.as_mut().reset(Instant::now() + this.idle);
                    let Ok(chunk) = frame.into_data() else { continue };
                    let out = exchange.answer(chunk);
                    if !out.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(out))));
                    }
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(this.finish(BodyEnd::Cut)),
                Poll::Ready(None) => return Poll::Ready(this.finish(BodyEnd::Complete)),
                Poll::Pending => {
                    let silent = this.silence.as_mut().poll(cx).is_ready();
                    return if silent {
                        Poll::Ready(this.finish(BodyEnd::Silent))
                    } else {
                        Poll::Pending
                    };
                }
            }
        }
    }
}

/// An event stream of the broker, which passes as it is.
pub(super) struct BrokerBody {
    body: Body,
    exchange: Option<Exchange>,
}

impl BrokerBody {
    pub(super) fn new(body: Body, exchange: Exchange) -> Self {
        Self { body, exchange: Some(exchange) }
    }
}

impl http_body::Body for BrokerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None))
            && let Some(exchange) = self.exchange.take()
        {
            exchange.end();
        }
        frame
    }
}
