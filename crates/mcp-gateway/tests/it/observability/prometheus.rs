//! A real Prometheus with the example's configuration and rules, pointed at gateways of the test.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{path, read};
use crate::support::http::{send, try_send};
use crate::support::port::Port;
use crate::support::program::Program;
use crate::support::scratch::Scratch;
use crate::support::tools::tool;
use crate::support::wait::PATIENCE;

/// A running Prometheus. Killed when dropped.
pub struct Prometheus {
    _program: Program,
    _folder: Scratch,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts it, scraping once a second, and waits until it answers queries.
    pub async fn start(gateways: &[SocketAddr], collector: SocketAddr) -> Self {
        let folder = Scratch::new("prometheus-config");
        let targets: Vec<String> = gateways.iter().map(SocketAddr::to_string).collect();
        let config = read("prometheus/prometheus.yaml")
            .replace("gateway:9090", &targets.join(", "))
            .replace("collector:8888", &collector.to_string())
            .replace("15s", "1s");
        let config = folder.write("prometheus.yaml", &config).display().to_string();
        for rules in ["recording.yaml", "alerts.yaml"] {
            std::fs::copy(path("prometheus").join(rules), folder.path(rules)).unwrap();
        }
        let address = Port::take().release();
        let arguments = [
            format!("--config.file={config}"),
            format!("--storage.tsdb.path={}", folder.path("data").display()),
            format!("--web.listen-address={address}"),
            "--enable-feature=exemplar-storage".to_owned(),
        ];
        let mut program = Program::start("prometheus", &tool("prometheus"), &arguments, &[]);
        program
            .ready(PATIENCE, async || {
                let request = Request::get("/-/ready").body(Full::default()).unwrap();
                let answer = try_send(address, request).await.ok()?;
                (answer.status == 200).then_some(())
            })
            .await;
        Self { _program: program, _folder: folder, address }
    }

    /// Evaluates an expression now. Panics when Prometheus refuses it.
    pub async fn query(&self, expression: &str) -> Vec<Value> {
        self.ask("/api/v1/query", &[("query", expression)]).await["result"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Returns the exemplars of the series that a selector names, of all time.
    pub async fn exemplars(&self, selector: &str) -> Vec<Value> {
        let time = [("query", selector), ("start", "0"), ("end", "9999999999")];
        let found = self.ask("/api/v1/query_exemplars", &time).await;
        let series = found.as_array().unwrap();
        series.iter().flat_map(|series| series["exemplars"].as_array().unwrap().clone()).collect()
    }

    async fn ask(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let body: String = Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let answer = send(self.address, request).await;
        assert_eq!(answer.status, 200, "{fields:?}: {}", answer.text());
        answer.json()["data"].clone()
    }
}
