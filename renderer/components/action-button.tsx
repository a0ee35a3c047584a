import type { ReactNode } from 'react';
import { type Action, perform } from './action.ts';

interface Props {
  readonly action: Action;
  readonly primary?: boolean;
  readonly small?: boolean;
  readonly quiet?: boolean;
  readonly children?: ReactNode;
}

/** A button drawn from an action. A disabled one stays reachable, so that its reason can be read. */
export function ActionButton({ action, primary, small, quiet, children }: Props) {
  const kinds = [
    'btn',
    primary === true && 'pri',
    small === true && 'sm',
    quiet === true && 'q',
    action.danger === true && 'warn',
  ];
  return (
    <button
      type="button"
      className={kinds.filter(Boolean).join(' ')}
      aria-disabled={action.disabled !== undefined}
      title={action.disabled ?? (children === undefined ? undefined : action.label)}
      onClick={() => perform(action)}
    >
      <action.icon className="ic" aria-hidden />
      {children ?? action.label}
    </button>
  );
}
