import { useEffect, useState } from 'react';
import { useText } from '../text/use-text.ts';

/** The time, renewed every `everyMs`, for ages and clocks. */
export function useNow(everyMs = 30_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

interface Props {
  /** Epoch ms. */
  readonly at: number;
  /** IANA zone for the tip; default: the operator's. */
  readonly zone?: string;
}

/** How long ago; the tip has the absolute time with its zone. */
export function Age({ at, zone }: Props) {
  const { format } = useText();
  const now = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={format.fullTime(at, zone)}>
      {format.span(now - at)}
    </time>
  );
}

/** Day and time; the tip has the absolute time with its zone. */
export function Time({ at, zone }: Props) {
  const { format } = useText();
  return (
    <time dateTime={new Date(at).toISOString()} title={format.fullTime(at, zone)}>
      {format.time(at)}
    </time>
  );
}
