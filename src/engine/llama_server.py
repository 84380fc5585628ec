"""llama.cpp's own HTTP server (C++), started from the prebuilt wheel xllamacpp.

It takes llama-server's flags as far as they are used here, binds to the loopback, prints what the start took, and
stays until SIGTERM, SIGINT or SIGHUP.
"""

import argparse
import os
import signal
import socket
import sys
import time


def refuse_taken_port(host, port):
    """llama.cpp listens with SO_REUSEPORT, so two servers would share the port and its requests: look first."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(f"error: port {port} is already taken: {error}")


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--alias", required=True, help="the model's id in the API")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parallel", type=int, default=1, help="slots")
    parser.add_argument("--ctx-size", type=int, required=True, help="KV cache in tokens, shared by the slots")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--threads-batch", type=int, default=1)
    parser.add_argument("--threads-http", type=int, default=8)
    parser.add_argument("--n-gpu-layers", type=int, default=0)
    parser.add_argument("--metrics", action="store_true")
    args = parser.parse_args()

    refuse_taken_port(args.host, args.port)
    if not os.path.isfile(args.model):
        sys.exit(f"error: no such model file: {args.model}")
    with open(args.model, "rb") as weights:
        if weights.read(4) != b"GGUF":
            sys.exit(f"error: failed to load model: {args.model} is no GGUF file")

    import xllamacpp

    # The system's own action, which ends the process at once: a Python handler would wait for the C++ code, which
    # loads the model without ever returning to the interpreter.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)

    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.model_alias = args.alias if isinstance(params.model_alias, str) else {args.alias}
    params.hostnames = [args.host]
    params.port = args.port
    params.n_parallel = args.parallel
    params.n_ctx = args.ctx_size
    params.n_gpu_layers = args.n_gpu_layers
    params.cont_batching = True
    params.cpuparams.n_threads = args.threads
    params.cpuparams_batch.n_threads = args.threads_batch
    params.n_threads_http = args.threads_http
    params.endpoint_metrics = args.metrics
    params.endpoint_slots = True
    params.endpoint_props = True
    params.warmup = True

    started = time.monotonic()
    try:
        server = xllamacpp.Server(params)  # loads the model and starts the thread that listens
    except RuntimeError as error:
        sys.exit(f"error: failed to load model {args.model}, or to listen on port {args.port}: {error}")
    print(f"model and server started in {time.monotonic() - started:.3f} s", flush=True)
    print("ready", getattr(server, "listening_address", f"http://{args.host}:{args.port}"), flush=True)
    while True:
        signal.pause()


main()
