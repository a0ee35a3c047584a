import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Patience } from '../../../../agent/repository/storage/s3-patience.ts';

describe('the deadline of a request', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function begun(stallMs: number, sizeBytes = 0) {
    const ended: number[] = [];
    const patience = new Patience(stallMs, sizeBytes, (ms) => ended.push(ms));
    patience.begin();
    return { ended, patience };
  }

  it('ends without progress, once', () => {
    const { ended } = begun(100);
    vi.advanceTimersByTime(99);
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(10_000);
    expect(ended).toEqual([100]);
  });

  it('goes on with progress, but not for ever', () => {
    const { ended, patience } = begun(100);
    for (let ms = 0; ms < 2000; ms += 90) {
      vi.advanceTimersByTime(90);
      patience.touch();
    }
    expect(ended).toEqual([1000]);
  });

  it('goes on longer for what is large', () => {
    const { ended, patience } = begun(100, 16_000);
    for (let ms = 0; ms < 2900; ms += 90) {
      vi.advanceTimersByTime(90);
      patience.touch();
    }
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(ended).toHaveLength(1);
  });

  it('may be made longer for the next progress only', () => {
    const { ended, patience } = begun(100);
    patience.touchAndAllow(50);
    vi.advanceTimersByTime(149);
    expect(ended).toEqual([]);
    patience.touch();
    vi.advanceTimersByTime(100);
    expect(ended).toEqual([100]);
  });

  it('does not count before it has begun and after it was ended', () => {
    const patience = new Patience(100, 0, () => expect.unreachable());
    patience.touch();
    patience.touchAndAllow(1);
    vi.advanceTimersByTime(10_000);
    patience.begin();
    patience.end();
    patience.touch();
    vi.advanceTimersByTime(10_000);
  });
});
