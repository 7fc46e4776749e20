#!/usr/bin/env bash
# Installs what is missing, builds with sanitizers in build/test/, runs every test, ends with "N passed, N failed".
# Must not know: which tests there are.  Exit 0 only if all pass.  Reads best next: tests/CMakeLists.txt.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=$root/build/test
results=$build/results.xml
jobs=$(nproc)

say() { printf '== %s\n' "$*"; }

# The one last line, however the run ended.
passed=0
failed=1
finish() {
    local code=$?
    ((code == 0 && passed > 0 && failed == 0)) || code=$((code == 0 ? 1 : code))
    printf '%d passed, %d failed\n' "$passed" "$failed"
    exit "$code"
}
trap finish EXIT

# A tree that was copied or moved brings a cache that points elsewhere; cmake would refuse it.
fresh=()
if [[ -f $build/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    fresh=(--fresh)
fi

# A test must see its own configuration only.
unset SEMEL_CONFIG
# Criterion has counted a test before LeakSanitizer looks at its process: only an abort makes a leak a failure.
export ASAN_OPTIONS=abort_on_error=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export UBSAN_OPTIONS=print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}

say "packages"
"$root/tests/install-deps.sh"
say "configure: $build"
cmake "${fresh[@]}" -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Sanitize -DBUILD_TESTING=ON
say "build with $jobs jobs"
cmake --build "$build" --parallel "$jobs"
say "test"
rm -f "$results"
status=0
ctest --test-dir "$build" --output-on-failure --parallel "$jobs" --no-tests=error --output-junit "$results" ||
    status=$?

# Whatever is not plainly a pass (failed, not run, skipped, disabled) is a failure.
count() { grep -c "$1" "$results" || true; }
if [[ -s $results ]]; then
    passed=$(count '<testcase .*status="run"')
    failed=$(($(count '<testcase ') - passed))
fi
if ((status != 0 && failed == 0)); then
    say "ctest ended with exit code $status"
    failed=1
fi
exit "$status"
