interface Props {
  /** 0 to 100; null while unknown. */
  readonly percent: number | null;
  readonly label: string;
  readonly tone?: 'running' | 'done' | 'frozen' | 'cap' | 'warn';
  readonly tall?: boolean;
}

/** A bar that moves only on real bytes; it slides only while the plan is unknown. */
export function ProgressBar({ percent, label, tone = 'running', tall }: Props) {
  const isSliding = percent === null && tone === 'running';
  const kinds = ['bar', tone !== 'running' && tone, isSliding && 'ind', tall === true && 'h6']
    .filter(Boolean)
    .join(' ');
  return (
    <span
      className={kinds}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent === null ? undefined : Math.round(percent)}
    >
      <i style={isSliding ? undefined : { width: `${percent ?? 0}%` }} />
    </span>
  );
}
