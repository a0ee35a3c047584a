import type { ReactNode } from 'react';
import { Link } from 'react-router';

export interface LinkTab {
  readonly id: string;
  readonly label: string;
  readonly to: string;
  readonly count?: ReactNode;
}

/** Tabs that are addresses: links, so that they can be opened, copied and gone back to. */
export function LinkTabs({
  label,
  tabs,
  current,
  children,
}: {
  label: string;
  tabs: readonly LinkTab[];
  current: string;
  children?: ReactNode;
}) {
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <Link key={tab.id} to={tab.to} aria-current={tab.id === current ? 'page' : undefined}>
          {tab.label}
          {tab.count}
        </Link>
      ))}
      {children}
    </nav>
  );
}
