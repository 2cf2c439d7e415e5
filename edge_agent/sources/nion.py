"""Frames from Nion's own acquisition API, with our sample under its simulated beam.

The only module that imports `nion.*` (GPL-3.0, the extra ``atomloop[nion]``). The scan controller,
its threads, its timing and its metadata are Nion's, unmodified: the instrument is built with our
`ScanDataGenerator` where nionswift-usim puts its own. A real Nion instrument differs by the
registered hardware source alone. Import it through `edge_agent.sources.catalogue`, which explains
a missing package.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import queue
import threading
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from nion.instrumentation import HardwareSource, scan_base
from nion.usim_device import InstrumentDevice, ScanDevice
from nion.utils import Geometry, Registry
from numpy.typing import NDArray

from edge_agent.sources.base import Offer, RawFrame
from edge_agent.sources.nion_settings import NionSettings
from edge_agent.sources.specimen import Exposure, Specimen, View, expose, mixed_defect_field
from edge_agent.sources.stage_drift import StageDrift
from shared.clock import Clock
from shared.errors import InputError
from shared.messages import Acquisition, Calibration
from shared.units import areal_dose

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["NionSource"]

_SCAN_DEVICE: Final = "usim_scan_device"
_INSTRUMENT: Final = "usim_stem_controller"
_HAND_OVER_FRAMES: Final = 2
"""Finished frames that may wait for the edge; more are counted as missed, never waited for."""
_ABORT_S: Final = 5.0
"""How long an unfinished scan may take to stop."""
_CHECK_INTERVAL_S: Final = 0.25
"""How often the wait for a frame looks whether acquisition is still on."""


class _OurSample:
    """What nionswift-usim calls a scan data generator: a scan's parameters to its picture."""

    def __init__(self, specimen: Specimen, settings: NionSettings, clock: Clock) -> None:
        self._specimen = specimen
        self._drift = StageDrift(settings.drift_amplitude_A, clock.monotonic_s())
        self._clock = clock
        self._rng = np.random.default_rng(settings.specimen_seed)

    def generate_scan_data(self, instrument: Any, scan: Any) -> NDArray[np.float32]:
        """Scan the sample: called by Nion's scan device, once per frame, in its thread.

        Args:
            instrument: Nion's instrument; holds the beam current.
            scan: Nion's frame parameters: size, field of view, centre, rotation, dwell time.

        Returns:
            (rows, columns) counts; Nion's API deals in float32.
        """
        now_s = self._clock.monotonic_s()
        offset = self._drift.offset_A(now_s)
        view = View(
            shape=(int(scan.size.height), int(scan.size.width)),
            pixel_size_A=scan.fov_nm * 10 / scan.size.height,
            centre_A=(scan.center_nm.y * 10 - offset[0], scan.center_nm.x * 10 - offset[1]),
            rotation_rad=scan.rotation_rad,
        )
        exposure = Exposure(
            beam_current_pA=instrument.GetVal("BeamCurrent") * 1e12,
            dwell_time_us=scan.pixel_time_us,
            drift_A_s=self._drift.velocity_A_s(now_s),
        )
        return expose(self._specimen, view, exposure, self._rng).astype(np.float32)


class _Instrument:
    """Nion's instrument and scan controller, alive between `__enter__` and `__exit__`."""

    def __init__(self, sample: _OurSample, settings: NionSettings) -> None:
        self._sample = sample
        self._settings = settings
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Any:
        """Start the stack; returns Nion's hardware source and instrument."""
        with contextlib.redirect_stdout(io.StringIO()):  # Nion's modules print
            return self._start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop scanning, end Nion's threads and take everything out of its registry."""
        with contextlib.redirect_stdout(io.StringIO()):
            self._stack.close()

    def _start(self) -> Any:
        loop = asyncio.new_event_loop()  # Nion's settings want one; nothing ever runs on it
        asyncio.set_event_loop(loop)
        self._stack.callback(loop.close)
        HardwareSource.run()
        self._stack.callback(HardwareSource.stop)
        scan_base.run(None)  # None: no configuration folder, nothing is written
        self._stack.callback(scan_base.stop)
        instrument = InstrumentDevice.Instrument(
            _INSTRUMENT,
            InstrumentDevice.ValueManager(),
            InstrumentDevice.AxisManager(),
            self._sample,
        )
        self._set_beam(instrument)
        self._register(instrument, {"instrument_controller", "stem_controller"})
        self._register(ScanDevice.ScanModule(instrument), {"scan_module"})
        manager = HardwareSource.HardwareSourceManager()
        return manager.get_hardware_source_for_hardware_source_id(_SCAN_DEVICE), instrument

    def _register(self, component: Any, kinds: set[str]) -> None:
        Registry.register_component(component, kinds)
        self._stack.callback(Registry.unregister_component, component, kinds)

    def _set_beam(self, instrument: Any) -> None:
        instrument.voltage = self._settings.high_tension_kV * 1e3
        instrument.defocus_m = self._settings.defocus_nm * 1e-9
        instrument.SetVal("BeamCurrent", self._settings.beam_current_pA * 1e-12)


class NionSource:
    """Live frames from Nion's scan controller."""

    pausable = False

    def __init__(self, settings: NionSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._finished: queue.Queue[tuple[Any, int, int]] = queue.Queue(_HAND_OVER_FRAMES)
        self._missed = 0
        self._closed = threading.Event()

    def describe(self) -> str:
        """Say what is acquired, with dose."""
        s = self._settings
        return (
            f"Nion scan API (nionswift-usim), {s.pixels}x{s.pixels} px at {s.pixel_size_A:.4g} Å, "
            f"{s.dwell_time_us:g} µs dwell time, {s.beam_current_pA:g} pA, {s.dose_e_A2:.3g} e/Å²"
        )

    def frames(self) -> Generator[Offer]:
        """Start scanning and yield every finished frame until `close`.

        Raises:
            InputError: Nion's scan controller stopped by itself.
        """
        specimen = mixed_defect_field(
            self._settings.specimen_seed, orientation_deg=self._settings.specimen_orientation_deg
        )
        sample = _OurSample(specimen, self._settings, self._clock)
        with contextlib.ExitStack() as stack:
            scanner, instrument = stack.enter_context(_Instrument(sample, self._settings))
            listener = scanner.xdatas_available_event.listen(self._on_finished)
            stack.enter_context(contextlib.closing(listener))
            stack.callback(scanner.abort_playing, sync_timeout=_ABORT_S)
            self._play(scanner)
            yield from self._until_closed(scanner, instrument)

    def close(self) -> None:
        """End `frames` at once, wherever it is."""
        self._closed.set()

    def _play(self, scanner: Any) -> None:
        s = self._settings
        scan = scanner.get_frame_parameters(0)
        scan.pixel_size = Geometry.IntSize(s.pixels, s.pixels)
        scan.fov_nm = s.field_of_view_A / 10
        scan.pixel_time_us = s.dwell_time_us
        scan.center_nm = Geometry.FloatPoint(s.centre_A[0] / 10, s.centre_A[1] / 10)
        scan.rotation_rad = math.radians(s.rotation_deg)
        scanner.set_current_frame_parameters(scan)
        scanner.start_playing()

    def _on_finished(self, promises: Any) -> None:
        """Take a finished frame over, in Nion's acquisition thread, without ever waiting."""
        try:
            missed, self._missed = self._missed, 0
            self._finished.put_nowait((promises[0].xdata, self._clock.wall_ns(), missed))
        except queue.Full:
            self._missed = missed + 1

    def _until_closed(self, scanner: Any, instrument: Any) -> Iterator[RawFrame]:
        while not self._closed.is_set():
            try:
                xdata, ended_at_ns, missed = self._finished.get(timeout=_CHECK_INTERVAL_S)
            except queue.Empty:
                if not scanner.is_playing:
                    raise InputError(
                        "Nion's scan controller stopped by itself.",
                        remedy="See the traceback it printed; restart the edge agent.",
                    ) from None
                continue
            current_pA = instrument.GetVal("BeamCurrent") * 1e12
            yield raw_frame(xdata, current_pA, ended_at_ns, missed)


def raw_frame(xdata: Any, beam_current_pA: float, ended_at_ns: int, missed: int = 0) -> RawFrame:
    """Translate Nion's data and metadata; nothing is taken from our own settings.

    Args:
        xdata: Nion's `DataAndMetadata` of one finished scan.
        beam_current_pA: The instrument's beam current, pA.
        ended_at_ns: Wall clock when the scan was finished.
        missed: Frames that were finished before it and not picked up.
    """
    scan: Mapping[str, Any] = xdata.metadata["scan"]
    detector: Mapping[str, Any] = xdata.metadata["hardware_source"]
    instrument: Mapping[str, Any] = xdata.metadata["instrument"]
    rows, columns = (
        calibration.scale * count * 10
        for calibration, count in zip(xdata.dimensional_calibrations, xdata.data.shape, strict=True)
    )
    pixel_size_A = rows / xdata.data.shape[0]
    dwell_us = float(detector["pixel_time_us"])
    acquisition = Acquisition(
        instrument=str(detector["hardware_source_name"]),
        detector=str(detector["channel_name"]),
        high_tension_kV=float(instrument["high_tension"]) / 1e3,
        dwell_time_us=dwell_us,
        beam_current_pA=beam_current_pA,
        dose_e_A2=areal_dose(beam_current_pA, dwell_us, pixel_size_A),
        defocus_nm=float(instrument["defocus"]) * 1e9,
        field_of_view_A=(rows, columns),
        centre_A=(float(scan["center_y_nm"]) * 10, float(scan["center_x_nm"]) * 10),
        rotation_deg=float(scan["rotation_deg"]),
        started_at_ns=ended_at_ns - round(float(detector["exposure"]) * 1e9),
        ended_at_ns=ended_at_ns,
        origin=f"scan {scan['scan_id']} frame {detector['frame_index']}",
    )
    return RawFrame(
        np.array(xdata.data),
        Calibration(pixel_size_A=pixel_size_A, source="header"),
        acquisition,
        missed,
    )
