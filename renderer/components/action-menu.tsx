import { Menu } from '@mantine/core';
import { Fragment, type ReactNode, useEffect, useRef } from 'react';
import { type Action, perform } from './action.ts';

function Items({ actions }: { readonly actions: readonly Action[] }) {
  const first = useRef<HTMLButtonElement>(null);
  // The keyboard goes on in the menu, whichever way it was opened.
  useEffect(() => {
    const frame = requestAnimationFrame(() => first.current?.focus({ preventScroll: true }));
    return () => cancelAnimationFrame(frame);
  }, []);
  return actions.map((action, index) => (
    <Fragment key={action.id}>
      {action.startsGroup === true && index > 0 && <Menu.Divider />}
      <Menu.Item
        ref={index === 0 ? first : undefined}
        className={action.disabled !== undefined ? 'off' : action.danger === true ? 'del' : ''}
        aria-disabled={action.disabled !== undefined}
        title={action.disabled}
        leftSection={<action.icon className="ic" aria-hidden />}
        rightSection={action.shortcut === undefined ? null : <kbd>{action.shortcut.toUpperCase()}</kbd>}
        closeMenuOnClick={action.disabled === undefined}
        onClick={() => perform(action)}
      >
        {action.label}
      </Menu.Item>
    </Fragment>
  ));
}

/** Not keys: the one that opened the menu would close it at once. */
const pressEvents = ['mousedown', 'touchstart'];

/** Where a context menu opens, in window pixels. */
export interface MenuPlace {
  readonly x: number;
  readonly y: number;
}

interface ContextProps {
  readonly at: MenuPlace;
  readonly title: ReactNode;
  readonly actions: readonly Action[];
  readonly onClose: () => void;
}

/** A context menu at a place of the window; its head repeats the object. */
export function ContextMenu({ at, title, actions, onClose }: ContextProps) {
  return (
    <Menu
      opened
      onClose={onClose}
      position="bottom-start"
      offset={2}
      shadow="none"
      transitionProps={{ duration: 0 }}
      withInitialFocusPlaceholder={false}
      clickOutsideEvents={pressEvents}
      loop
    >
      <Menu.Target>
        <span aria-hidden style={{ position: 'fixed', left: at.x, top: at.y, width: 1, height: 1 }} />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{title}</Menu.Label>
        <Items actions={actions} />
      </Menu.Dropdown>
    </Menu>
  );
}

interface DropProps {
  readonly actions: readonly Action[];
  /** The button that opens it. */
  readonly children: ReactNode;
}

/** A menu below a button. */
export function DropMenu({ actions, children }: DropProps) {
  return (
    <Menu
      position="bottom-end"
      offset={4}
      shadow="none"
      transitionProps={{ duration: 0 }}
      withInitialFocusPlaceholder={false}
      loop
    >
      <Menu.Target>{children}</Menu.Target>
      <Menu.Dropdown>
        <Items actions={actions} />
      </Menu.Dropdown>
    </Menu>
  );
}
