//! A weather service with invented, unchanging weather. Speaks MCP up to 2025-06-18.

use std::borrow::Cow;

use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, ProtocolVersion, ServerCapabilities,
    ServerConfig,
};
use rmcp::schemars::JsonSchema;
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{schemars, tool, tool_handler, tool_router};
use serde::Deserialize;

use super::Received;

/// A forecast covers at most a week.
const DAYS_MAX: usize = 7;
/// City, temperature of its first day in degrees Celsius, where its run of skies begins.
const CITIES: [(&str, i32, usize); 4] =
    [("Bergen", 9, 2), ("Lisbon", 21, 0), ("Nairobi", 24, 1), ("Sapporo", 4, 3)];
const SKIES: [&str; 5] = ["sunny", "partly cloudy", "rain", "light snow", "clear"];
/// How far each following day is from the first, in degrees.
const SWINGS: [i32; DAYS_MAX] = [0, -2, 1, 3, 2, -1, 0];

/// The server; one value per session.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    received: Received,
    tools: ToolRouter<Self>,
}

/// Which place.
#[derive(Debug, Deserialize, JsonSchema)]
struct CurrentRequest {
    /// Name of the city, for example `Lisbon`.
    city: String,
}

/// Which place, and how far ahead.
#[derive(Debug, Deserialize, JsonSchema)]
struct ForecastRequest {
    /// Name of the city, for example `Lisbon`.
    city: String,
    /// How many days, today included; 1 to 7.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 7))]
    days: usize,
}

fn three() -> usize {
    3
}

#[tool_router(router = tool_router)]
impl Weather {
    pub(super) fn new(received: Received) -> Self {
        Self { received, tools: Self::tool_router() }
    }

    /// Tells the weather in a city right now.
    #[tool(annotations(title = "Current weather", read_only_hint = true, open_world_hint = false))]
    fn current(Parameters(request): Parameters<CurrentRequest>) -> Result<String, String> {
        let days = days(&request.city, 1)?;
        Ok(format!("{}: {}", request.city, days.join("")))
    }

    /// Tells the weather in a city for the next days.
    #[tool(annotations(title = "Forecast", read_only_hint = true, open_world_hint = false))]
    fn forecast(Parameters(request): Parameters<ForecastRequest>) -> Result<String, String> {
        if !(1..=DAYS_MAX).contains(&request.days) {
            return Err(format!("days must be 1 to {DAYS_MAX}, not {}", request.days));
        }
        let days = days(&request.city, request.days)?;
        Ok(format!("{}: {}", request.city, days.join(", then ")))
    }

    /// Lists the cities whose weather is known.
    #[tool(annotations(title = "Known cities", read_only_hint = true, open_world_hint = false))]
    fn cities() -> String {
        CITIES.map(|(city, ..)| city).join(", ")
    }
}

fn days(city: &str, count: usize) -> Result<Vec<String>, String> {
    let known = CITIES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(city));
    let Some((_, degrees, first_sky)) = known else {
        return Err(format!("no weather is known for {city}; ask for the list of cities"));
    };
    let skies = SKIES.iter().cycle().skip(*first_sky);
    let days = SWINGS.iter().zip(skies).take(count);
    Ok(days.map(|(swing, sky)| format!("{} °C and {sky}", degrees + swing)).collect())
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Weather {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("weather", "1.0.0").with_title("Sample weather"))
            .with_instructions("Invented weather for a few cities.")
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(&[ProtocolVersion::V_2025_03_26, ProtocolVersion::V_2025_06_18])
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.received.remember(&context);
        self.tools.call(ToolCallContext::new(self, request, context)).await
    }
}
