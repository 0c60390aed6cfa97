"""One engine on one network, for tests/bench/peers: argument 1 is a job as JSON.

Prints a JSON line {"version", "isa", "psnr"} or {"error"}. Then, for each line "N" of the
standard input, runs the network N times and prints the milliseconds as a JSON list.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import numpy_helper


def load(job, constant_style):
    """The ONNX model at the job's size. The style weights choose the job's style; with
    constant_style they are a constant of the model, otherwise an input of that name.
    Returns the model and the values of its inputs."""
    model = onnx.load(job["model"])
    graph = model.graph
    constants = {value.name for value in graph.initializer}
    feeds = {}
    for value in [v for v in graph.input if v.name not in constants]:
        dims = value.type.tensor_type.shape.dim
        if len(dims) == 4:
            for dim, size in zip(dims, (1, 3, job["height"], job["width"])):
                dim.dim_value = size
            feeds[value.name] = np.fromfile(job["image"], np.float32).reshape(
                1, 3, job["height"], job["width"])
            continue
        style = np.zeros([dim.dim_value for dim in dims], np.float32)
        style.flat[job["style"]] = 1
        if constant_style:
            graph.initializer.append(numpy_helper.from_array(style, value.name))
            graph.input.remove(value)
        else:
            feeds[value.name] = style
    replace_hard_sigmoid(graph)
    return model, feeds


def replace_hard_sigmoid(graph):
    """Clip instead of HardSigmoid with alpha 1 and beta 0, which is the same function:
    OpenVINO 2026.4 reads beta 0 as 0.5, and pnnx 20261020 ignores both attributes."""
    for node in graph.node:
        values = {a.name: a.f for a in node.attribute}
        if node.op_type != "HardSigmoid" or values != {"alpha": 1, "beta": 0}:
            continue
        del node.attribute[:]
        node.op_type = "Clip"
        for name, bound in (("clip.low", 0), ("clip.high", 1)):
            node.input.append(name)
            graph.initializer.append(numpy_helper.from_array(np.float32(bound), name))


class OnnxRuntime:
    def __init__(self, job, folder):
        import onnxruntime
        self.version, self.isa = onnxruntime.__version__, "the processor's; no switch"
        model, self.feeds = load(job, False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = job["threads"]
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run(self):
        return self.session.run(None, self.feeds)[0]


class OpenVino:
    def __init__(self, job, folder):
        import openvino
        self.version = openvino.__version__.split("-")[0]
        model, self.feeds = load(job, False)
        path = os.path.join(folder, "model.onnx")
        onnx.save(model, path)
        compiled = openvino.Core().compile_model(path, "CPU", {
            "INFERENCE_NUM_THREADS": job["threads"], "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32"})
        kinds = {str(node.get_rt_info()["primitiveType"].astype(str))
                 for node in compiled.get_runtime_model().get_ops()
                 if node.get_rt_info()["layerType"].astype(str) == "Convolution"}
        self.isa = ", ".join(sorted(kinds))
        self.request = compiled.create_infer_request()

    def run(self):
        return self.request.infer(self.feeds, share_inputs=True, share_outputs=True)[0]


class Ncnn:
    def __init__(self, job, folder):
        import ncnn
        self.ncnn, self.version, self.isa = ncnn, ncnn.__version__, "the processor's; no switch"
        model, feeds = load(job, True)
        onnx.save(model, os.path.join(folder, "model.onnx"))
        shape = f"inputshape=[1,3,{job['height']},{job['width']}]f32"
        log = subprocess.run([self.converter(), "model.onnx", shape, "fp16=0"], cwd=folder,
                             text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        path = os.path.join(folder, "model.ncnn")
        if log.returncode or not os.path.exists(path + ".bin"):
            raise RuntimeError("pnnx cannot convert it: " + log.stdout[-200:].strip())
        self.repair(path + ".param")
        self.net = ncnn.Net()
        self.net.opt.num_threads = job["threads"]
        for half in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic",
                     "use_bf16_storage"):
            setattr(self.net.opt, half, False)
        if self.net.load_param(path + ".param") or self.net.load_model(path + ".bin"):
            raise RuntimeError("ncnn cannot load what pnnx has converted")
        self.image = ncnn.Mat(next(iter(feeds.values()))[0]).clone()

    @staticmethod
    def converter():
        """The program pnnx; the Python package of that name cannot be imported without
        PyTorch."""
        from importlib.metadata import files
        return next(str(file.locate()) for file in files("pnnx")
                    if file.name in ("pnnx", "pnnx.exe") and file.parent.name == "pnnx")

    @staticmethod
    def repair(path):
        """pnnx 20261020 takes SpaceToDepth for PixelUnshuffle, whose order of channels is
        another (Reorg's parameter 1), and leaves out DepthToSpace's block size, which is
        2 in all networks here."""
        with open(path) as file:
            text = re.sub(r"^(Reorg .* 0=2) 1=0$", r"\1 1=1", file.read(), flags=re.M)
        text = re.sub(r"^DepthToSpace (.*)$", r"PixelShuffle \1 0=2 1=1", text, flags=re.M)
        with open(path, "w") as file:
            file.write(text)

    def run(self):
        extractor = self.net.create_extractor()
        extractor.input("in0", self.image)
        return extractor.extract("out0")[1]


class PyTorch:
    def __init__(self, job, folder):
        import torch
        import peers_torch
        self.version = torch.__version__
        config = torch.__config__.show()
        kind = config.split("CPU capability usage: ")[-1].split("\n")[0]
        limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "not limited")
        self.isa = f"ATen {kind}, oneDNN {limit}"
        torch.set_num_threads(job["threads"])
        model, feeds = load(job, True)
        self.net = peers_torch.Network(model)
        self.image = torch.from_numpy(next(iter(feeds.values()))).contiguous(
            memory_format=torch.channels_last)

    def run(self):
        return self.net(self.image)


ENGINES = {"onnxruntime": OnnxRuntime, "OpenVINO": OpenVino, "ncnn": Ncnn,
           "PyTorch": PyTorch}


def psnr(output, path):
    """Against the floats in the file, whose range is the peak."""
    expected = np.fromfile(path, np.float32).astype(np.float64)
    error = np.mean((np.array(output, np.float64).ravel() - expected) ** 2)
    return float(10 * np.log10(np.ptp(expected) ** 2 / max(error, 1e-30)))


def main():
    job = json.loads(sys.argv[1])
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not mix with the replies

    def reply(value):
        print(json.dumps(value), file=replies, flush=True)

    try:
        with tempfile.TemporaryDirectory() as folder:
            engine = ENGINES[job["engine"]](job, folder)
        difference = psnr(engine.run(), job["reference"])
    except Exception as error:  # whatever the engine raises is the reason in the table
        reply({"error": " ".join(f"{type(error).__name__}: {error}".split())})
        return
    engine.run()
    reply({"version": engine.version, "isa": engine.isa, "psnr": difference})
    for line in sys.stdin:
        times = []
        engine.run()
        for _ in range(int(line)):
            start = time.perf_counter()
            engine.run()
            times.append(1e3 * (time.perf_counter() - start))
        reply(times)


if __name__ == "__main__":
    main()
