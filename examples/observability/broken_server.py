"""An MCP server whose tools fail, each in its own way."""
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOOLS = ["works", "fails", "refuses", "crashes", "hangs", "babbles"]


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        method, params = message.get("method"), message.get("params", {})
        if "id" not in message:
            return self.answer(202, b"")
        if method == "initialize":
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                      "serverInfo": {"name": "broken", "version": "1"}}
        elif method == "tools/list":
            result = {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}
        elif params.get("name") == "crashes":
            return self.answer(500, b"Traceback (most recent call last)")
        elif params.get("name") == "hangs":
            return time.sleep(60)
        elif params.get("name") == "babbles":
            return self.answer(200, b"<html>It works!</html>", "text/html")
        elif params.get("name") == "refuses":
            error = {"code": -32000, "message": "database is locked"}
            return self.answer(200, json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}).encode())
        else:
            failed = params.get("name") == "fails"
            text = "no such customer" if failed else "all is well"
            result = {"content": [{"type": "text", "text": text}], "isError": failed}
        self.answer(200, json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode())

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


port = int(sys.argv[1]) if len(sys.argv) > 1 else 3001
ThreadingHTTPServer(("127.0.0.1", port), Server).serve_forever()
