#!/usr/bin/env bash
# Kiln on one NVIDIA GPU: does the engine compute there what it computes on the processor, and how
# fast does it train GPT-2 with 124 and 350 million parameters in bf16 at 1,024 tokens?
#
# Needs a JDK 17, the jars that KILN_NATIVES=gpu bin/kiln lays out (target/spark-home/jars; another
# folder: KILN_JARS) and the machine's CUDA 13 libraries: cuBLAS, cuDNN 9, NCCL 2 and their like,
# found by the loader or in the folders of NVIDIA's Python packages. No Maven, no Spark that runs.
#
# Writes it/gpu/report-CARD.json. Exit status: 0 all holds, 1 something is off, 2 it cannot be tried.
set -euo pipefail

stop() {
  printf 'gpu check: %s\n' "$1" >&2
  exit 2
}

here=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
jars=${KILN_JARS:-$here/../../target/spark-home/jars}

card=$(nvidia-smi --query-gpu=name --format=csv,noheader 2> /dev/null | head -n 1) || card=
[ -n "$card" ] || stop "no NVIDIA GPU here (nvidia-smi finds none): nothing was checked"
driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1)
printf 'gpu check: %s, driver %s\n' "$card" "$driver"

if [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ]; then
  java=$JAVA_HOME/bin/java
else
  java=$(command -v java) || stop "no java found; set JAVA_HOME to a JDK 17"
fi
compgen -G "$jars/pytorch-*-linux-x86_64-gpu.jar" > /dev/null ||
  stop "no natives for GPUs in $jars: run KILN_NATIVES=gpu bin/kiln doctor where Maven is, or set KILN_JARS"
compgen -G "$jars/kiln-it-*.jar" > /dev/null || stop "no kiln-it jar in $jars: run bin/kiln doctor where Maven is"

# The folders of NVIDIA's Python packages, where they are; what the loader finds by itself comes later.
packages=$(python3 -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])' 2> /dev/null) || packages=
shopt -s nullglob
for folder in \
  ${packages:+"$packages"/nvidia/*/lib} \
  ${VIRTUAL_ENV:+"$VIRTUAL_ENV"/lib/python3*/site-packages/nvidia/*/lib} \
  ${CONDA_PREFIX:+"$CONDA_PREFIX"/lib/python3*/site-packages/nvidia/*/lib} \
  "${HOME:-/root}"/.local/lib/python3*/site-packages/nvidia/*/lib \
  /usr/local/lib/python3*/{site,dist}-packages/nvidia/*/lib \
  /usr/lib/python3*/{site,dist}-packages/nvidia/*/lib \
  /usr/lib/python3/dist-packages/nvidia/*/lib \
  /opt/*/lib/python3*/site-packages/nvidia/*/lib \
  /usr/local/cuda/lib64 /usr/local/cuda/extras/CUPTI/lib64; do
  libraries=${libraries:+$libraries:}$folder
done
shopt -u nullglob
export LD_LIBRARY_PATH=${libraries:-}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# Dense bf16 TFLOP/s with fp32 sums, from the makers' data sheets.
case $card in
  *GB200*) peak=2500 ;;
  *B200*) peak=2250 ;;
  *H200*NVL*) peak=835.5 ;;
  *H200* | *GH200* | *H100*SXM* | *H100*HBM3*) peak=989.4 ;;
  *H100*NVL*) peak=835.5 ;;
  *H100*) peak=756 ;;
  *A100*) peak=312 ;;
  *L40S*) peak=362 ;;
  *L40*) peak=181 ;;
  *L4*) peak=121 ;;
  *A10G*) peak=70 ;;
  *A10*) peak=125 ;;
  *A40*) peak=149.7 ;;
  *4090*) peak=165.2 ;;
  *3090*) peak=71 ;;
  *) peak= ;;
esac
peak=${KILN_GPU_PEAK:-$peak}
[ -n "$peak" ] || printf 'gpu check: the peak of this card is not known here; KILN_GPU_PEAK=TFLOPS gives it\n'

work=$(mktemp -d "${TMPDIR:-/tmp}/kiln-gpu.XXXXXX")
trap 'rm -rf "$work"' EXIT
run=("$java" -Xmx4g -Dorg.bytedeco.javacpp.nopointergc=true -Dorg.bytedeco.javacpp.maxphysicalbytes=0
  -Dorg.bytedeco.javacpp.maxbytes=0 -cp "$jars/*")

status=0
printf '\nThe engine on the card beside the engine on the processor:\n'
OMP_NUM_THREADS=2 "${run[@]}" io.kiln.it.bench.DeviceCheck --device cuda:0 --json "$work/check.json" || status=1

printf '\nTraining steps in bf16; floor: a bare libtorch loop of the same model on the same card:\n'
"${run[@]}" io.kiln.it.bench.StepBenchmark --device cuda --shape gpt2-124m,gpt2-350m --dtype bf16 \
  --stage 0,3 --repetitions "${KILN_GPU_TURNS:-5}" --seconds 1 ${peak:+--peak "$peak"} \
  --json "$work/step.json" || status=1

eager=null
rounded=null
if python3 -c 'import torch; assert torch.cuda.is_available()' 2> /dev/null; then
  printf '\nThe same model as an eager PyTorch loop on the same card (milliseconds a step):\n'
  eager=$(python3 "$here/eager.py") && printf '%s\n' "$eager" || { eager=null; status=1; }
  rounded=$(python3 "$here/eager.py" --vocabulary 50304) && printf '%s\n' "$rounded" || { rounded=null; status=1; }
else
  printf '\nNo PyTorch that sees the card here: no eager loop beside it.\n'
fi

report=$here/report-$(printf '%s' "$card" | tr -cs 'A-Za-z0-9' '-' | sed 's/^-//; s/-$//').json
part() {
  if [ -s "$1" ]; then cat "$1"; else printf 'null'; fi
}
{
  printf '{"card": "%s", "driver": "%s", "date": "%s", "peak_tflops": %s, "dtype": "bf16",\n' \
    "$card" "$driver" "$(date -u +%Y-%m-%d)" "${peak:-null}"
  printf '"check": '
  part "$work/check.json"
  printf ',\n"step": '
  part "$work/step.json"
  printf ',\n"eager": %s,\n"eager_rounded": %s}\n' "$eager" "$rounded"
} > "$report"
printf '\ngpu check: %s; the report is %s\n' "$([ "$status" = 0 ] && echo 'all holds' || echo 'something is OFF')" "$report"
exit "$status"
