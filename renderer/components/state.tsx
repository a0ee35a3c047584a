import {
  type Icon,
  IconAlertTriangle,
  IconCheck,
  IconCircleDashed,
  IconCircleX,
  IconHelpHexagon,
  IconLoader2,
  IconShieldCheckFilled,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';

/** What a colour means (ui rules 1 and 2). */
export type Tone = 'proven' | 'copied' | 'running' | 'idle' | 'degraded' | 'failed' | 'suspect';

const icons: Record<Tone, Icon> = {
  proven: IconShieldCheckFilled,
  copied: IconCheck,
  running: IconLoader2,
  idle: IconCircleDashed,
  degraded: IconAlertTriangle,
  failed: IconCircleX,
  suspect: IconHelpHexagon,
};

interface Props {
  readonly tone: Tone;
  /** Another icon than the tone's own. */
  readonly icon?: Icon | undefined;
  readonly title?: string | undefined;
  readonly children: ReactNode;
}

/** A state in a cell: icon and coloured word, never one without the other. */
export function State({ tone, icon, title, children }: Props) {
  const Shown = icon ?? icons[tone];
  return (
    <span className={`st ${tone}`} title={title}>
      <Shown className={Shown === IconLoader2 ? 'ic spin' : 'ic'} aria-hidden />
      <span className="el">{children}</span>
    </span>
  );
}

/** A state beside a title: the same on a soft ground. */
export function Chip({ tone, icon, title, children }: Props) {
  const Shown = icon ?? icons[tone];
  return (
    <span className={`chip ${tone}`} title={title}>
      <Shown className={Shown === IconLoader2 ? 'ic spin' : 'ic'} aria-hidden />
      {children}
    </span>
  );
}

/** An attribute: outlined, no colour. */
export function LineChip({ icon: Shown, title, children }: { icon?: Icon; title?: string; children: ReactNode }) {
  return (
    <span className="chip line" title={title}>
      {Shown !== undefined && <Shown className="ic" aria-hidden />}
      <span className="el">{children}</span>
    </span>
  );
}
