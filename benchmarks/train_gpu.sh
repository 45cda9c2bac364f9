#!/bin/sh
# Everything that the trainer promises of a GPU, measured with one command; the results are OUT/train_gpu.md and
# OUT/ssz_gpu.md.
#
#   benchmarks/train_gpu.sh [--scenes N] [--test-scenes N] [--data DIR --test DIR] [--streets N] [--views N]
#                           [--street DIR --street-test DIR] [--out DIR] [--cpu]
#
# Without --data and --test, N training scenes (5000: 4500 train, 500 validate) and N test scenes of unseen models (500)
# are generated first; without --street and --street-test N streets (200), and a quarter of that of unseen models, of N
# views each (50). Packed data sets do as well. --cpu proves the command on small networks and few scenes.
# The same command again goes on where it was cut off. PYTHON names another interpreter.
set -eu

scenes=5000 test_scenes=500 streets=200 views=50 data= test= street= street_test= out=train_gpu cpu= quality=standard
while [ $# -gt 0 ]; do
    case $1 in
    --cpu) cpu=--cpu quality=draft; shift; continue ;;
    --scenes | --test-scenes | --data | --test | --streets | --views | --street | --street-test | --out) [ $# -gt 1 ] || { echo "train_gpu.sh: $1 wants a value" >&2; exit 2; } ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    case $1 in
    --scenes) scenes=$2 ;;
    --test-scenes) test_scenes=$2 ;;
    --data) data=$2 ;;
    --test) test=$2 ;;
    --streets) streets=$2 ;;
    --views) views=$2 ;;
    --street) street=$2 ;;
    --street-test) street_test=$2 ;;
    --out) out=$2 ;;
    esac
    shift 2
done
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python}

if [ -z "$data" ] || [ -z "$test" ] || [ -z "$street" ] || [ -z "$street_test" ]; then
    "$python" -m scenegen.cli.main assets build
fi
if [ -z "$data" ]; then
    data=$out/studio
    "$python" -m scenegen.cli.main generate --preset studio --scenes "$scenes" --quality $quality --out "$data"
fi
if [ -z "$test" ]; then
    test=$out/studio_test
    "$python" -m scenegen.cli.main generate --preset studio --split test --scenes "$test_scenes" --quality $quality --out "$test"
fi
if [ -z "$street" ]; then
    street=$out/street
    "$python" -m scenegen.cli.main generate --preset street --scenes "$streets" --views "$views" --quality $quality --out "$street"
fi
if [ -z "$street_test" ]; then
    street_test=$out/street_test
    "$python" -m scenegen.cli.main generate --preset street --split test --scenes "$(((streets + 3) / 4))" --views "$views" \
        --quality $quality --out "$street_test"
fi
status=0
"$python" "$here/train_gpu.py" --data "$data" --test "$test" --out "$out" --scenes "$scenes" $cpu || status=$?
"$python" "$here/ssz_gpu.py" --data "$street" --test "$street_test" --out "$out" $cpu || status=$?
exit $status
