/** The service's monotonic clock as seen from this page. */

const PULSES_KEPT = 30;

/** Estimates the service's clock from its pulses; the quickest pulse is the best witness. */
export class ServiceClock {
  private samples: { offset: number; at: number }[] = [];
  private leastRoundTrip = Number.POSITIVE_INFINITY;

  /** Take a pulse: its clock, when it arrived here, and the round trip of an earlier one, s. */
  pulse(nowS: number, arrivedS: number, roundTripS: number | null): void {
    this.samples.push({ offset: arrivedS - nowS, at: arrivedS });
    if (this.samples.length > PULSES_KEPT) this.samples.shift();
    if (roundTripS !== null) this.leastRoundTrip = Math.min(this.leastRoundTrip, roundTripS);
  }

  /** Forget everything: the service may be another process now. */
  reset(): void {
    this.samples = [];
    this.leastRoundTrip = Number.POSITIVE_INFINITY;
  }

  /** The service's clock at an instant of this page, s; null before the first pulse. */
  serviceTime(pageS: number): number | null {
    if (this.samples.length === 0) return null;
    const offset = Math.min(...this.samples.map((sample) => sample.offset));
    return pageS - offset + this.uncertaintyS;
  }

  /** Half the least round trip, s: how wrong `serviceTime` can be. */
  get uncertaintyS(): number {
    return Number.isFinite(this.leastRoundTrip) ? this.leastRoundTrip / 2 : 0;
  }
}
