import type { Icon } from '@tabler/icons-react';

/** One thing a person can do; buttons, context menus and the palette are all made from these. */
export interface Action {
  readonly id: string;
  /** Verb and object; dots when more is asked. */
  readonly label: string;
  readonly icon: Icon;
  /** A single key that does it on a focused row. */
  readonly shortcut?: string | undefined;
  readonly danger?: boolean;
  /** Why it cannot be done now; the action is shown disabled with this as its tip. */
  readonly disabled?: string | undefined;
  /** True before a dividing line in a menu. */
  readonly startsGroup?: boolean;
  readonly run: () => void;
}

/** Runs it unless it is disabled. */
export function perform(action: Action): void {
  if (action.disabled === undefined) action.run();
}
