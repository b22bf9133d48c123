//! What a server of a test received, byte for byte.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::wait::until;

/// Bytes of a request body that are kept.
const BODY_BYTES_MAX: usize = 32 << 20;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// `POST`, `GET`, `DELETE`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

#[derive(Deserialize)]
struct Method {
    method: String,
}

impl Received {
    /// Returns the body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the JSON-RPC method; empty for anything else.
    pub fn rpc_method(&self) -> String {
        // Whatever else the message holds: a number that no double can hold must not hide its method.
        serde_json::from_slice::<Method>(&self.body)
            .map(|message| message.method)
            .unwrap_or_default()
    }

    /// Returns a header's only value. Panics when there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} came more than once: {:?}", self.headers);
        first
    }
}

/// All requests of one server, in the order of their arrival.
#[derive(Clone, Default)]
pub struct Record(Arc<Mutex<Vec<Received>>>);

impl Record {
    /// Records every request that reaches `app`.
    pub fn of(&self, app: Router) -> Router {
        app.layer(from_fn_with_state(self.clone(), keep))
    }

    /// Returns the requests so far.
    pub fn all(&self) -> Vec<Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the requests with this JSON-RPC method so far.
    pub fn of_method(&self, rpc_method: &str) -> Vec<Received> {
        self.all().into_iter().filter(|request| request.rpc_method() == rpc_method).collect()
    }

    /// Forgets the requests so far.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until a request fits, and returns the first that does.
    pub async fn wait_for(
        &self,
        what: &str,
        within: Duration,
        fits: impl Fn(&Received) -> bool,
    ) -> Received {
        until(what, within, async || self.all().into_iter().find(|request| fits(request))).await
    }
}

async fn keep(State(record): State<Record>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap();
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
    record.0.lock().unwrap_or_else(PoisonError::into_inner).push(Received {
        method: parts.method.to_string(),
        path,
        headers: parts.headers.clone(),
        body: body.clone(),
    });
    next.run(Request::from_parts(parts, Body::from(body))).await
}
