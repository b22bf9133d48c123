//! What holds for all messages: read beside `serde_json`, and changed without harm to the rest.

use std::collections::HashSet;

use mcp_gateway_core::jsonrpc::{Id, Message, Object, ParseErrorKind, Raw, Splice, code, quote};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq, prop_assume};

use crate::json_text::{broken, is_json, object, string, value};

proptest! {
    #[test]
    fn exactly_what_is_json_is_no_parse_error(text in any_text()) {
        let parse_error = match Message::parse(&text) {
            Ok(_) => false,
            Err(error) => {
                let parse_error = error.code() == code::PARSE_ERROR;
                prop_assert!(!(parse_error && error.id().is_some()));
                parse_error
            }
        };
        prop_assert_eq!(!parse_error, is_json(&text), "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn valid_text_is_read_to_its_end(text in value()) {
        let Err(error) = Message::parse(text.as_bytes()) else { return Ok(()) };
        prop_assert!(error.code() != code::PARSE_ERROR, "{error}: {text}");
    }

    #[test]
    fn members_are_those_that_serde_json_sees(members in vec((string(), value()), 0..30)) {
        let (text, members) = joined(members);
        let keys: Vec<Option<String>> = members.iter().map(|(key, _)| decoded(key)).collect();
        match Object::parse(text.as_bytes()) {
            Ok(read) => {
                prop_assert_eq!(read.len(), members.len());
                for ((key, raw), (own, (_, value))) in read.iter().zip(keys.iter().zip(&members)) {
                    if let Some(own) = own {
                        prop_assert_eq!(key, own);
                    }
                    prop_assert_eq!(raw.as_bytes(), value.as_bytes());
                    prop_assert_eq!(&text[raw.range()], value);
                    prop_assert_eq!(raw.as_str().map(String::from), decoded(value));
                }
            }
            Err(ParseErrorKind::DuplicateMember { .. }) => {
                // Names with half a surrogate pair count as alike when their other characters are.
                let known: HashSet<&String> = keys.iter().flatten().collect();
                prop_assert!(known.len() < keys.len());
            }
            Err(error) => prop_assert!(false, "{error}: {text}"),
        }
    }

    #[test]
    fn items_are_those_that_were_written(items in vec(value(), 0..20)) {
        let text = format!("{{\"a\":[ {} ]}}", items.join(" , "));
        let read = Object::parse(text.as_bytes()).unwrap().get("a").unwrap().array().unwrap();
        let read: Vec<&[u8]> = read.iter().map(Raw::as_bytes).collect();
        let items: Vec<&[u8]> = items.iter().map(String::as_bytes).collect();
        prop_assert_eq!(read, items);
    }

    #[test]
    fn ids_come_back_as_written(id in value()) {
        prop_assume!(id != "null");
        let text = |version| format!("{{\"id\" : {id} ,\"method\":\"m\",\"jsonrpc\":\"{version}\"}}");
        let taken = text("2.0");
        let raw = Message::parse(taken.as_bytes()).unwrap().id().unwrap();
        let own = Id::from_raw(raw);
        prop_assert_eq!(own.as_bytes(), id.as_bytes());
        prop_assert!(own.matches(raw));
        // A message that is refused for something else is answered to the same id.
        let refused = text("2.1");
        let error = Message::parse(refused.as_bytes()).unwrap_err();
        prop_assert_eq!(error.id().unwrap().as_bytes(), id.as_bytes());
    }

    #[test]
    fn quoted_text_reads_back(text in any::<String>()) {
        let quoted = quote(&text);
        prop_assert_eq!(serde_json::from_slice::<String>(&quoted).unwrap(), text.clone());
        let object = [b"{\"s\":", quoted.as_slice(), b"}"].concat();
        let read = Object::parse(&object).unwrap().get("s").unwrap().as_str();
        prop_assert_eq!(read.as_deref(), Some(text.as_str()));
    }

    #[test]
    fn no_edit_and_edits_to_the_same_change_no_byte(text in request()) {
        let Ok(message) = Message::parse(text.as_bytes()) else { return Ok(()) };
        let bytes = Splice::new(&message).finish();
        prop_assert_eq!(&bytes, text.as_bytes());
        let mut splice = Splice::new(&message);
        for (_, raw) in message.envelope().iter().chain(message.params().into_iter().flatten()) {
            splice.replace(raw.range(), raw.as_bytes().to_vec());
        }
        prop_assert_eq!(splice.finish(), text.as_bytes());
    }

    #[test]
    fn edits_keep_everything_else(
        text in request(),
        name in option::of(any::<String>()),
        trace in option::of((any::<String>(), option::of(any::<String>()))),
    ) {
        let Ok(message) = Message::parse(text.as_bytes()) else { return Ok(()) };
        let mut splice = Splice::new(&message);
        if let Some(name) = &name {
            splice.set_string_param("name", name);
        }
        if let Some((parent, state)) = &trace {
            splice.set_trace(parent, state.as_deref());
        }
        let bytes = splice.finish();
        let after = Message::parse(&bytes);
        prop_assert!(after.is_ok(), "{:?} {}", after, String::from_utf8_lossy(&bytes));
        let after = after.unwrap();

        prop_assert_eq!(others(message.envelope(), &["params"]), others(after.envelope(), &["params"]));
        let edited = ["name", "_meta"];
        prop_assert_eq!(message.params().map(|p| others(p, &edited)), after.params().map(|p| others(p, &edited)));
        let edited = ["traceparent", "tracestate"];
        let meta = message.meta().map(|m| others(m, &edited)).unwrap_or_default();
        prop_assert_eq!(meta, after.meta().map(|m| others(m, &edited)).unwrap_or_default());

        let string = |message: &Message<'_>, key: &str| Some(message.param(key)?.as_str()?.into_owned());
        if message.params().is_none() || name.is_none() {
            prop_assert_eq!(string(&after, "name"), string(&message, "name"));
        } else {
            prop_assert_eq!(string(&after, "name"), name);
        }
        let takes_trace = message.param("_meta").is_none_or(|meta| meta.is_object());
        if let Some((parent, state)) = trace.filter(|_| message.params().is_some() && takes_trace) {
            let meta = after.meta().unwrap();
            let get = |key: &str| meta.get(key).map(|raw| raw.as_str().unwrap().into_owned());
            prop_assert_eq!((get("traceparent"), get("tracestate")), (Some(parent), state));
        } else {
            let meta = |message: &Message<'_>| Some(message.param("_meta")?.as_bytes().to_vec());
            prop_assert_eq!(meta(&message), meta(&after));
        }
    }
}

/// The members but those of the given names, as written, with their order.
fn others(object: &Object<'_>, without: &[&str]) -> Vec<(String, Vec<u8>)> {
    let others = object.iter().filter(|(key, _)| !without.contains(key));
    others.map(|(key, raw)| (key.to_owned(), raw.as_bytes().to_vec())).collect()
}

/// Valid JSON, almost valid JSON, bytes of its alphabet, any bytes.
fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let alphabet =
        b"{}[]\":,\\u0123456789abcdefE+-.truefalsn \t\r\n\x00\x7f\x80\xc3\xa9\xff".to_vec();
    prop_oneof![
        2 => value().prop_map(String::into_bytes),
        4 => broken(),
        2 => vec(proptest::sample::select(alphabet), 0..40),
        1 => vec(any::<u8>(), 0..40),
        1 => request().prop_map(String::into_bytes),
    ]
}

/// A request with random members, edited ones among them at times. Now and then it has duplicates.
fn request() -> impl Strategy<Value = String> {
    let named = |names: &'static [&'static str]| {
        let known = proptest::sample::select(names).prop_map(|name| format!("\"{name}\""));
        prop_oneof![1 => string(), 1 => known]
    };
    let meta = object(vec((named(&["traceparent", "tracestate", "progressToken"]), value()), 0..5));
    let meta = prop_oneof![5 => meta, 1 => value()].prop_map(|meta| ("\"_meta\"".to_owned(), meta));
    let params = (vec((named(&["name", "arguments"]), value()), 0..5), option::of(meta));
    let params = object(params.prop_flat_map(|(mut members, meta)| {
        members.extend(meta);
        Just(members).prop_shuffle()
    }));
    let params = option::weighted(0.9, params.prop_map(|params| ("\"params\"".to_owned(), params)));
    let members =
        (vec((string(), value()), 0..3), params).prop_flat_map(|(mut members, params)| {
            let fixed = [("jsonrpc", "\"2.0\""), ("id", "1e3"), ("method", "\"tools/call\"")];
            members.extend(fixed.map(|(key, value)| (format!("\"{key}\""), value.to_owned())));
            members.extend(params);
            Just(members).prop_shuffle()
        });
    object(members)
}

/// Members as the text of one object, and as they went in.
fn joined(members: Vec<(String, String)>) -> (String, Vec<(String, String)>) {
    let text: Vec<String> =
        members.iter().map(|(key, value)| format!("{key} : {value} ")).collect();
    (format!("{{{}}}", text.join(",")), members)
}

/// What `serde_json` decodes: `None` for what is no string, and for half a surrogate pair.
fn decoded(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}
