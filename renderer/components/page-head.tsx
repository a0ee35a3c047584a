import type { ReactNode } from 'react';

interface Props {
  readonly title: ReactNode;
  /** Facts beside the title. */
  readonly facts?: ReactNode;
  /** Buttons; the primary one last. */
  readonly children?: ReactNode;
  /** A line below, when neither tabs nor a toolbar follow. */
  readonly line?: boolean;
}

/** Head of a page: its one h1, facts, actions. */
export function PageHead({ title, facts, children, line }: Props) {
  return (
    <div className={line === true ? 'ph line' : 'ph'}>
      <h1>{title}</h1>
      {facts}
      <span className="sp" />
      {children}
    </div>
  );
}
