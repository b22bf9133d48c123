"""Draws a trace from what a gateway with OTEL_TRACES_EXPORTER=console has written: tree.py TRACE_ID < gateway.log"""
import json
import sys

SHOWN = ["mcp.server", "gen_ai.tool.name", "error.type", "error_source", "http.response.status_code"]


def read(trace):
    for line in sys.stdin:
        if trace in line and line.startswith("{"):
            item = json.loads(line)
            if "span" in item and item["trace_id"] == trace:
                yield item


def draw(spans, parent, depth):
    for span in sorted((s for s in spans if s["parent_span_id"] == parent), key=lambda s: int(s["start_unix_nano"])):
        ms = (int(span["end_unix_nano"]) - int(span["start_unix_nano"])) / 1e6
        facts = " ".join(f"{key}={span['attributes'][key]}" for key in SHOWN if key in span["attributes"])
        status = "ERROR" if span["status"] == "error" else ""
        print(f"{ms:9.1f} ms  {status:5}  {'  ' * depth}{span['span']}  {facts}".rstrip())
        draw(spans, span["span_id"], depth + 1)


spans = list(read(sys.argv[1]))
known = {span["span_id"] for span in spans}
for outside in {span["parent_span_id"] for span in spans} - known:
    draw(spans, outside, 0)
