"""Stand in for the command scalesmear: read and write what a verb would, without any physics.

It understands just enough to run workflow.yml in a second: every flag's files must exist, and what
a verb writes holds the verb's name and its arguments. ``STAND_IN_FAILS=verb`` makes a verb fail.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from pathlib import Path

WRITES = {
    *("--output", "--summary", "--table", "--result", "--output-file", "--validation-plot"),
}
SETTINGS = (
    *("select", "run_bins", "stability", "reweight", "fill", "fit", "closure", "export"),
    *("validation", "report"),
)
FITS = ("coarse", "fine", "et", "gain", "stochastic")
FOLDER_OF = {
    "toys": ("samples.tsv",),
    "fit": ("scales.dat", "combined.dat", "smearings.dat", "fit.json"),
    "plots": ("plots.json", "peaks.tsv"),
    "injection-summary": ("injection.html", "injection.json", "injection.tsv", "figures"),
    "report": ("report.html", "summary.txt", "figures"),
}


OPTIONAL = ("--other", "--scaled", "--systematics", "--plots", "--recovery")
"""Flags that a stage that was left out leaves without a value."""


def flags_of(words: list[str]) -> dict[str, list[str]]:
    """Group the words by the flag that they follow."""
    flags: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            last = flags.setdefault(word, [])
        else:
            last.append(word)
    return flags


def flags_on_stdin() -> list[str]:
    """Return the words of lines with a flag and a Python literal."""
    lines = [line.split(maxsplit=1) for line in sys.stdin]
    return [word for flag, value in lines for word in (flag, *str(ast.literal_eval(value)).split())]


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def check(output: Path) -> None:
    """Write what `check` publishes for the values on standard input."""
    inputs = ast.literal_eval(sys.stdin.read())
    published: dict[str, object] = {"jobs": [], "sample_table": None}
    files = {f"{name}_settings": f"settings/{name}.json" for name in SETTINGS}
    fits = inputs.get("fits", ["coarse", "fine"])
    files |= {f"{name}_categories": f"categories/{name}.yml" for name in fits}
    files["mass_categories"] = f"categories/{fits[-1]}.yml"
    for key, name in files.items():
        name_of_stage = key.rpartition("_")[0]
        given = inputs.get("settings", {}).get(name_of_stage)
        era = {"era": inputs.get("era", "era")} if name_of_stage == "export" else None
        write(output / name, json.dumps(given or era))
        published[key] = str(output / name)
    for fit in FITS:
        published.setdefault(f"{fit}_categories", None)
        published[f"{fit}_base"] = (
            inputs.get("bases", {}).get(fit, fits.index(fit)) if fit in fits else None
        )
    jobs = []
    for number in range(inputs.get("n_jobs", 2)):
        write(output / f"jobs/{number}.tsv", json.dumps(number))
        jobs.append(str(output / f"jobs/{number}.tsv"))
    others = []
    for number in range(inputs.get("n_other_jobs", 0)):
        write(output / f"jobs/other_{number}.tsv", json.dumps(number))
        others.append(str(output / f"jobs/other_{number}.tsv"))
    published["other_jobs"] = others or None
    write(output / "inputs.json", json.dumps(inputs))
    if inputs.get("sample_name"):
        write(output / "samples.yml", inputs["sample_name"])
        published |= {"sample_table": str(output / "samples.yml")}
    published |= {"variations": None, "systematics_categories": None}
    if inputs.get("systematics"):
        for key in ("variations", "systematics_categories"):
            name = {"variations": "variations.yml"}.get(key, "categories/systematics.yml")
            write(output / name, inputs["systematics"])
            published[key] = str(output / name)
    published |= {"sample_name": inputs.get("sample_name")}
    published["truth"] = None
    if inputs.get("truth"):
        write(output / "truth.json", "truth")
        published["truth"] = str(output / "truth.json")
    published["plots"] = None
    if inputs.get("plots", "standard"):
        write(output / "plots.tsv", "plots")
        published["plots"] = str(output / "plots.tsv")
    published["inputs"] = str(output / "inputs.json")
    write(output / "published.yml", json.dumps(published | {"jobs": jobs}))


def systematics(output: Path, said: str) -> None:
    names = {
        "systematics": "systematics.json",
        "table": "systematics.tsv",
        "scales": "era_systematics_scales.dat",
        "smearings": "era_systematics_smearings.dat",
    }
    for name in names.values():
        write(output / name, said)
    published = {key: str(output / name) for key, name in names.items()}
    write(output / "published.yml", json.dumps(published))


def injection_truth(output: Path, said: str) -> None:
    published = {}
    for key in ("truth", "toys_settings", "criteria", "inputs"):
        name = f"{key.removesuffix('_settings')}.json"
        write(output / name, said)
        published[key] = str(output / name)
    write(output / "published.yml", json.dumps(published | {"jobs": ["0-1"]}))


def export(output: Path, settings: Path, said: str) -> None:
    era = json.loads(settings.read_text())["era"]
    for name in (f"{era}_scales.dat", f"{era}_smearings.dat", "result.json"):
        write(output / name, said)
    published = {
        "scales": str(output / f"{era}_scales.dat"),
        "smearings": str(output / f"{era}_smearings.dat"),
        "result": str(output / "result.json"),
    }
    write(output / "published.yml", json.dumps(published))


def main() -> int:
    verb, words = sys.argv[1], sys.argv[2:]
    flags = flags_of(flags_on_stdin() if words == ["@-"] else words)
    said = json.dumps([verb, flags])
    for flag, words in flags.items():
        if not words and flag not in OPTIONAL:
            say(f"scalesmear {verb}: {flag} is empty; give it a value")
            return 1
        absent = [w for w in words if w.startswith("/") and not Path(w).exists()]
        if absent and flag not in WRITES:
            say(f"scalesmear {verb}: {absent[0]}: {flag} does not exist; check the path")
            return 1
    if verb == os.environ.get("STAND_IN_FAILS"):
        say("some words before the end")
        say(f"scalesmear {verb}: data.root: is cut short; copy it again")
        return 1
    if verb in {"select", "fill", "migration"}:
        say("progress: files=3/3 events=1000 seconds=0.10")
    output = Path(flags.get("--output", flags.get("--output-file", [""]))[0])
    if verb == "check":
        check(output)
    elif verb == "export":
        export(output, Path(flags["--settings"][0]), said)
    elif verb == "systematics":
        systematics(output, said)
    elif verb == "injection-truth":
        injection_truth(output, said)
    elif verb in FOLDER_OF:
        for name in FOLDER_OF[verb]:
            write(output / name, said)
    else:
        for flag in WRITES & set(flags):
            write(Path(flags[flag][0]), said)
        if verb == "scale-histogram":
            write(output.with_name("factor.json"), said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
