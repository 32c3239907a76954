"""One page of a bundle: report.html, report.md and report.json."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_edge.base.extras import require
from lstm_edge.base.files import write_json, write_text
from lstm_edge.inputs.signature import Input, Output, expected_shape
from lstm_edge.report import wording
from lstm_edge.report.plots import plots
from lstm_edge.results.device import DeviceResult
from lstm_edge.results.parity import OK, OUTSIDE, UNPROVEN

if TYPE_CHECKING:
    from lstm_edge.bundle.manifest import VariantInfo
    from lstm_edge.bundle.opening import Bundle
    from lstm_edge.results.latency import LatencyReport
    from lstm_edge.results.parity import ParityRun, Tolerance
from lstm_edge.report.tables import (
    MISSING,
    _answers,
    _device_failures,
    _escaped,
    _failures,
    _host,
    confusion_tables,
    device_notes,
    devices_table,
    flips_table,
    latency_table,
    outputs_table,
    parity_table,
    summary_table,
    targets_table,
    to_markdown,
)

SCHEMA = 1


def verdict(bundle: Bundle, run: ParityRun, devices: Sequence[DeviceResult] = ()) -> str:
    """One sentence: do the bundle's variants answer as Keras does, here and on the devices?"""
    faults = {
        title: [r.variant for r in run.reports if r.verdict == wrong]
        for title, wrong in (("Not proven", UNPROVEN), ("Outside tolerance", OUTSIDE))
    }
    seen = {r.variant: r for r in run.reports}
    unseen = [name for name in bundle.variants if name not in seen]
    n = len(seen)
    parts = [f"Not verified: {', '.join(unseen)}"] if unseen else []
    for device in devices:
        if device.parity is not None and not device.ok:
            far = any(r.verdict == OUTSIDE for r in device.parity.reports)
            parts.append(f"{'Outside tolerance' if far else 'Not proven'} on {device.device}")
    parts += ["The data do not fit the model's answers"] if run.failures else []
    if any(faults.values()):
        for title, names in faults.items():
            if names:
                parts.insert(0, f"{title}: {', '.join(names)} ({len(names)} of {n})")
    elif n > 1:
        count = n if unseen else f"All {n}"
        parts.insert(0, f"{count} variants answer as Keras does within their tolerance")
    elif n:
        parts.insert(0, f"{next(iter(seen))} answers as Keras does within its tolerance")
    return ". ".join(parts) or "No variants"


def _tolerance(t: Tolerance) -> str:
    parts = []
    if t.flip_rate is not None:
        parts.append(f"flips at most {t.flip_rate:.2%}" if t.flip_rate else "no flips")
    if t.flip_margin and parts:
        parts[0] += (
            f", not counted where the reference is within {t.flip_margin:g} of its threshold"
        )
    what = "relative Δ" if t.relative else "|Δp|"
    if t.mean_abs is not None:
        parts.insert(0, f"mean {what} {t.mean_abs:g}")
    if t.max_abs is not None:
        parts.insert(0, f"max {what} {t.max_abs:g}")
    if t.accuracy_drop is not None:
        parts.append(f"accuracy at most {t.accuracy_drop * 100:g} points lower")
    return f"{'; '.join(parts)} ({t.reason})"


def _facts(info: VariantInfo) -> dict[str, str]:
    ops = sorted(info.ops.items(), key=lambda item: (-item[1], item[0]))
    return {
        "file": f"{info.file}, {wording.size(info.bytes)}, sha256 {info.sha256[:12]}",
        "format": f"{info.format}, {info.precision}, for {', '.join(info.runtimes)}",
        "lowering": info.lowering,
        "operators": ", ".join(f"{name} {count}" for name, count in ops) or wording.NONE,
        "batch": "any" if info.batch is None else str(info.batch),
        "tolerance": _tolerance(info.tolerance),
        "problems": "; ".join(info.problems) or "none found",
        **({"notes": ". ".join(info.notes)} if info.notes else {}),
    }


def _end(end: Input | Output) -> str:
    """An input or output in words."""
    text = f"{end.name} {expected_shape(end)}"
    if isinstance(end, Output):
        in_unit = "" if end.unscale is None else "in its unit"
        return f"{text} {end.activation}{in_unit}".strip()
    if end.rows is not None:
        text += f" ids below {end.rows}"
    else:
        text += f" {end.dtype}{'' if end.scale is None else ' readings, scaled by the files'}"
    return text if end.mask_value is None else f"{text}, steps of {end.mask_value:g} are skipped"


def _basis(bundle: Bundle, run: ParityRun, latency: LatencyReport | None) -> dict[str, str]:
    """What was measured, and on what."""
    source = {k: v for k, v in bundle.source.items() if isinstance(v, str | int | float)}
    named = [f"{k} {str(v)[:12] if k == 'sha256' else v}" for k, v in source.items()]
    facts = {
        "Model": ", ".join(named) or wording.NONE,
    }
    inputs, outputs = bundle.ends()
    if inputs:
        facts["Inputs of the model"] = "; ".join(map(_end, inputs))
        facts["Outputs"] = "; ".join(map(_end, outputs))
    facts |= {
        "Labels": ", ".join(bundle.labels) or wording.NONE,
        "Data": f"{run.data}; {max((r.examples for r in run.reports), default=0)} examples",
        "Reference": run.reference,
        "Parity measured": f"{wording.date(run.measured_at)} on {wording.machine(run.machine)}",
    }
    if left_out := device_notes(_host(run, latency)):
        facts["Left out"] = ". ".join(left_out)
    if latency is None:
        return {**facts, "Latency": MISSING}
    same = latency.machine == run.machine
    where = f"{latency.device}{' (as above)' if same else ': ' + wording.machine(latency.machine)}"
    threads = wording.threads(latency.threads)
    return facts | {
        "Latency measured": f"{wording.date(latency.measured_at)} on {where}",
        "Inputs": f"{threads}, {wording.inputs(latency)}, one example at a time, variants interleaved",
    }


def write_report(
    folder: Path,
    bundle: Bundle,
    parity: ParityRun,
    latency: LatencyReport | None,
    devices: Sequence[DeviceResult] = (),
) -> dict[str, Path]:
    """Write ``report.html`` (one file, works offline), ``report.md`` and ``report.json``.

    Args:
        parity, latency: of this machine.
        devices: what was measured on others, of the same files.

    Their paths are returned by "html", "md" and "json". Without matplotlib and Jinja2 nothing is
    written (:class:`lstm_edge.errors.MissingExtraError`).
    """
    jinja2 = require("jinja2", "making the report")
    source = bundle.source.get("file") or bundle.source.get("name") or bundle.path.name
    name = Path(str(source)).name
    failed = not parity.ok or not all(device.ok for device in devices)
    whole = {r.variant for r in parity.reports} >= set(bundle.variants)
    page: dict[str, Any] = {
        "name": name,
        "verdict": verdict(bundle, parity, devices),
        # neither where nothing is wrong, and a variant was not run
        "state": "bad" if failed else "ok" if whole else "",
        "summary": summary_table(bundle, parity, latency),
        "basis": _basis(bundle, parity, latency),
        "parity": parity_table(parity),
        "outputs": outputs_table(parity),
        "flips": flips_table(parity, bundle.labels),
        "targets": targets_table(parity),
        "confusion": confusion_tables(parity),
        "latency": latency and latency_table(latency),
        "devices": devices and devices_table(bundle, [_host(parity, latency), *devices]),
        "variants": {v: _facts(info) for v, info in bundle.variants.items()},
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lstm_edge"), autoescape=True, trim_blocks=True
    )
    # what fails is in the heading, the worst are quoted in full
    short = page["parity"].notes[:1]
    text = environment.get_template("report.html.j2").render(
        page
        | {
            "parity": replace(page["parity"], notes=short, warnings=()),
            "failures": (*_failures(parity), *_device_failures(devices)),
            "reports": parity.reports,
            "worst": [_answers(r.worst, bundle.labels) for r in parity.reports],
            "pictures": plots(parity, latency),
            "states": {OK: "ok", OUTSIDE: "bad", UNPROVEN: "bad"},
        }
    )
    paths = {suffix: folder / f"report.{suffix}" for suffix in ("html", "md", "json")}
    write_text(paths["html"], text)
    write_text(paths["md"], _markdown(page))
    kept = ("name", "bytes", "ops", "lowering", "precision")
    value = {
        "schema": SCHEMA,
        "parity": parity.to_json(),
        "latency": latency and latency.to_json(),
        "devices": [device.to_json() for device in devices],
        "bundle": {
            "source": bundle.source,
            "labels": bundle.labels,
            "variants": [{k: getattr(v, k) for k in kept} for v in bundle.variants.values()],
        },
    }
    write_json(paths["json"], _finite(value))
    return paths


def _markdown(page: Mapping[str, Any]) -> str:
    def items(facts: Mapping[str, str]) -> str:
        return "\n".join(f"- **{_escaped(k)}**: {_escaped(v)}" for k, v in facts.items())

    latency = to_markdown(page["latency"]) if page["latency"] else "### Latency\n\nNot measured.\n"
    parts = [
        f"# {_escaped(page['name'])}\n\n**{_escaped(page['verdict'])}.**\n",
        to_markdown(page["summary"]),
        f"### Measured on\n\n{items(page['basis'])}\n",
        to_markdown(page["parity"]),
        *(to_markdown(page[name]) for name in ("flips", "targets", "outputs") if page[name]),
        *map(to_markdown, page["confusion"]),
        latency,
        *([to_markdown(page["devices"])] if page["devices"] else []),
        *(f"### {_escaped(v)}\n\n{items(facts)}\n" for v, facts in page["variants"].items()),
    ]
    return "\n".join(parts)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
