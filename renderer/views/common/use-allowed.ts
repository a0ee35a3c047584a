import { useCallback } from 'react';
import { engineContract } from '../../../shared/contract/engine/all.ts';
import type { CommandName } from '../../store/engine-api.ts';
import { useRights } from '../../store/session.ts';
import { useAppSelector } from '../../store/store.ts';
import { useText } from '../../text/use-text.ts';

/** Why a command cannot be called now: no right to it, or no line to the engine; undefined when it can. */
export function useAllowed(): (method: CommandName) => string | undefined {
  const { t } = useText();
  const may = useRights();
  const isLost = useAppSelector((state) => state.link.kind === 'lost');
  return useCallback(
    (method: CommandName) => {
      if (isLost) return t('reason.lost');
      return may(engineContract[method].right)
        ? undefined
        : t('reason.noRight', { right: t(`right.${engineContract[method].right}`) });
    },
    [may, isLost, t],
  );
}
