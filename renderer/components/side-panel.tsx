import { IconX } from '@tabler/icons-react';
import { type ReactNode, useEffect, useEffectEvent } from 'react';
import { useText } from '../text/use-text.ts';

interface Props {
  readonly title: string;
  readonly chip?: ReactNode;
  readonly below?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly foot?: ReactNode;
  readonly onClose: () => void;
}

/** True when Escape and single keys belong to something that floats above the page. */
export function isFloatingOpen(): boolean {
  const floating = document.querySelectorAll('[role=dialog][aria-modal=true], [role=menu], [role=listbox]');
  return [...floating].some((element) => element.checkVisibility());
}

/** Closes on Escape, unless a menu or dialog above has it first. */
export function useEscape(onEscape: () => void): void {
  const listen = useEffectEvent((event: KeyboardEvent) => {
    if (event.key === 'Escape' && !event.defaultPrevented && !isFloatingOpen()) onEscape();
  });
  useEffect(() => {
    // Before the menus: once they have handled the key themselves they are gone.
    window.addEventListener('keydown', listen, { capture: true });
    return () => window.removeEventListener('keydown', listen, { capture: true });
  }, []);
}

/** The panel beside a list: title with state, one row of actions, then sections. It pushes the list. */
export function SidePanel({ title, chip, below, actions, children, foot, onClose }: Props) {
  const { t } = useText();
  useEscape(onClose);
  return (
    <aside className="side" aria-label={title}>
      <div className="sh">
        <div className="row">
          <h2 className="el" title={title}>
            {title}
          </h2>
          {chip}
          <span className="sp" />
          <button type="button" className="btn q sm ico" aria-label={t('common.close')} onClick={onClose}>
            <IconX className="ic" aria-hidden />
          </button>
        </div>
        {below !== undefined && <div className="s12 t3 el">{below}</div>}
        {actions !== undefined && (
          <div className="row" style={{ marginTop: 10, gap: 6, flexWrap: 'wrap' }}>
            {actions}
          </div>
        )}
      </div>
      {children}
      {foot !== undefined && <div className="ft">{foot}</div>}
    </aside>
  );
}
