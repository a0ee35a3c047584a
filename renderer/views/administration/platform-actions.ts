import { IconTrash } from '@tabler/icons-react';
import { useCallback } from 'react';
import type { PlatformView } from '../../../shared/contract/engine/platforms.ts';
import type { Action } from '../../components/action.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from '../common/dialog-host.tsx';
import { useAllowed } from '../common/use-allowed.ts';
import { useTry } from '../common/use-run.ts';

/** What can be done with a platform. */
export function usePlatformActions(): (platform: PlatformView) => Action[] {
  const { t, format } = useText();
  const allowed = useAllowed();
  const attempt = useTry();
  const { ask } = useDialogs();
  return useCallback(
    (platform: PlatformView): Action[] => [
      {
        id: 'platforms.remove',
        label: t('action.remove'),
        icon: IconTrash,
        shortcut: 'Del',
        danger: true,
        disabled: allowed('platforms.remove'),
        run: () =>
          ask({
            title: t('confirm.removePlatform.title', { name: platform.name }),
            text: t('confirm.removePlatform.text'),
            facts: [
              [t('rule.vms'), format.count(platform.objectCount)],
              [t('confirm.points'), t('confirm.removePlatform.points')],
            ],
            verb: t('confirm.removePlatform.verb'),
            confirm: () => attempt('platforms.remove', { platform: String(platform.id) }),
          }),
      },
    ],
    [t, format, allowed, attempt, ask],
  );
}
