#!/usr/bin/env python3
"""Times inference runtimes, in float32 or with /bf16 in bfloat16, on the cases infer/MODEL and
latency/MODEL of train_bench and zoo_bench. The networks come from PyTorch; a runtime that computes
something else is an error. Prints a line of JSON, with the mean seconds per batch."""
import argparse
import io
import json
import os
import sys


def onnx_runtime(model, images, threads, bfloat16):
    import onnxruntime
    if bfloat16:
        sys.exit("ONNX Runtime has no bfloat16 on the CPU")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: images})[:1]


def openvino(hint):
    """With the hint THROUGHPUT, one call infers as many batches side by side as OpenVINO proposes."""
    def make(model, images, threads, bfloat16):
        import openvino as ov
        core = ov.Core()
        compiled = core.compile_model(core.read_model(model), "CPU", {
            "PERFORMANCE_HINT": hint, "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
            "CPU_DENORMALS_OPTIMIZATION": True})
        count = (1 if hint == "LATENCY"
                 else compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        requests = [compiled.create_infer_request() for _ in range(count)]
        for request in requests:
            request.set_input_tensor(ov.Tensor(images))

        def call():
            for request in requests:
                request.start_async()
            for request in requests:
                request.wait()
            return [request.get_output_tensor().data for request in requests]

        return call

    return make


SETTINGS = {  # the package, what makes a call, how the tables call it
    "onnxruntime": ("onnxruntime", onnx_runtime, ""),
    "openvino_latency": ("openvino", openvino("LATENCY"), "latency hint"),
    "openvino_throughput": ("openvino", openvino("THROUGHPUT"), "throughput hint"),
}


def exported(net, images):
    """A network as an ONNX file in memory."""
    import torch
    file = io.BytesIO()
    torch.onnx.export(net, (images,), file, dynamo=False)
    return file.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME", help="a case, such as infer/cnn or latency/resnet18/bf16")
    parser.add_argument("--setting", choices=SETTINGS, required=True)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all cores")
    parser.add_argument("--seconds", type=float, default=1,
                        help="minimum time of a measurement; default: 1")
    args = parser.parse_args()
    package, make, setting = SETTINGS[args.setting]
    version = __import__(package).__version__  # first: without it, the rest would be in vain

    import torch
    from torch_bench import mean_seconds
    from torch_networks import Case
    torch.manual_seed(0)
    case = Case.named(args.name)
    net, images = case.network().eval(), case.random_images()
    call = make(exported(net, images), images.numpy(), args.threads, case.bfloat16)
    with torch.inference_mode():
        expected = net(images)
    batches = call()
    for batch in batches:
        case.check_same(expected, torch.from_numpy(batch))
    print(json.dumps({"name": args.name, "images": len(images), "threads": args.threads,
                      "seconds": mean_seconds(call, args.seconds, 2) / len(batches),
                      "version": version.split("-")[0], "setting": setting}))


if __name__ == "__main__":
    main()
