import { type Icon, IconFilterOff } from '@tabler/icons-react';
import type { ReactNode } from 'react';

interface Props {
  readonly icon?: Icon;
  /** What will be here. */
  readonly title: string;
  /** Why it is empty. */
  readonly children: ReactNode;
  /** One next step. */
  readonly action?: ReactNode;
}

/** An empty list: what will be here, why it is empty, one next step. */
export function EmptyState({ icon: Shown = IconFilterOff, title, children, action }: Props) {
  return (
    <div className="em">
      <Shown className="ic" aria-hidden />
      <h2>{title}</h2>
      <p>{children}</p>
      {action !== undefined && <div className="row">{action}</div>}
    </div>
  );
}
