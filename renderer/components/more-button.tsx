import { IconDots } from '@tabler/icons-react';
import { useState } from 'react';
import { useText } from '../text/use-text.ts';
import type { Action } from './action.ts';
import { ContextMenu, type MenuPlace } from './action-menu.tsx';

/** The actions that do not fit beside the others, in a menu. */
export function MoreButton({ title, actions }: { readonly title: string; readonly actions: readonly Action[] }) {
  const { t } = useText();
  const [place, setPlace] = useState<MenuPlace>();
  return (
    <>
      <button
        type="button"
        className="btn ico"
        aria-haspopup="menu"
        aria-label={t('common.actionsFor', { name: title })}
        title={t('common.actions')}
        onClick={({ currentTarget }) => {
          const { left, bottom } = currentTarget.getBoundingClientRect();
          setPlace({ x: left, y: bottom });
        }}
      >
        <IconDots className="ic" aria-hidden />
      </button>
      {place !== undefined && (
        <ContextMenu at={place} title={title} actions={actions} onClose={() => setPlace(undefined)} />
      )}
    </>
  );
}
