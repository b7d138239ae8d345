"""A stand-in for a server: Triton's HTTP protocol with binary tensors, over ONNX Runtime and one model repository.

It holds to the protocol's binary tensor extension and to what the configuration says of the input; it proves a client's
bytes, and nothing about Triton.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
from onnx import load_from_string

from skinseg_export.calculator import open_calculator
from skinseg_export.targets.triton import ModelRepository
from skinseg_export.targets.triton.agreement import spread_out
from skinseg_export.targets.triton.config_text import message_from_text


@contextmanager
def served(repository: ModelRepository) -> Iterator[str]:
    """Serve *repository* on this computer; gives the address, such as http://127.0.0.1:8000."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(repository))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(repository: ModelRepository) -> type[BaseHTTPRequestHandler]:
    config = spread_out(message_from_text(repository.files[f"{repository.name}/config.pbtxt"].decode()))
    graph = open_calculator(load_from_string(repository.files[f"{repository.name}/1/model.onnx"]), optimised=True)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == f"/v2/models/{config['name']}/infer", self.path
            head = int(self.headers["Inference-Header-Content-Length"])
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = json.loads(body[:head])
            (tensor,), (output,) = asked["inputs"], asked["outputs"]
            assert (tensor["name"], tensor["datatype"]) == (config["input[0].name"], "UINT8"), tensor
            assert tuple(tensor["shape"][1:]) == config["input[0].dims"], tensor
            assert tensor["parameters"] == {"binary_data_size": len(body) - head}, tensor
            assert output == {"name": config["output[0].name"], "parameters": {"binary_data": True}}, output
            image = np.frombuffer(body[head:], np.uint8).reshape(tensor["shape"])
            (answer,) = graph.run([output["name"]], {tensor["name"]: image})
            self._answer(answer)

        def _answer(self, answer: Any) -> None:
            size = {"binary_data_size": answer.nbytes}
            told = {"name": config["output[0].name"], "datatype": "FP32", "shape": answer.shape, "parameters": size}
            head = json.dumps({"model_name": config["name"], "model_version": "1", "outputs": [told]}).encode()
            self.send_response(200)
            self.send_header("Inference-Header-Content-Length", str(len(head)))
            self.send_header("Content-Length", str(len(head) + answer.nbytes))
            self.end_headers()
            self.wfile.write(head + answer.tobytes())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
