import { IconListDetails, IconRestore, IconShieldCheck, IconTrash } from '@tabler/icons-react';
import { useCallback } from 'react';
import { useNavigate } from 'react-router';
import type { BackupView } from '../../../shared/contract/engine/backups.ts';
import type { Action } from '../../components/action.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from './dialog-host.tsx';
import { useAllowed } from './use-allowed.ts';
import { useRun, useTry } from './use-run.ts';

/** What can be done with a point. */
export function useBackupActions(): (backup: BackupView) => Action[] {
  const { t, format } = useText();
  const navigate = useNavigate();
  const allowed = useAllowed();
  const run = useRun();
  const attempt = useTry();
  const { ask } = useDialogs();
  return useCallback(
    (backup: BackupView): Action[] => [
      {
        id: 'backups.restore',
        label: t('action.restore'),
        icon: IconRestore,
        shortcut: 'R',
        disabled: backup.state === 'missing' ? t('reason.missing') : allowed('backups.restore'),
        run: () => void navigate(`/restore/${backup.id}`),
      },
      {
        id: 'backups.verify',
        label: t('action.verify'),
        icon: IconShieldCheck,
        disabled: backup.state === 'missing' ? t('reason.missing') : allowed('backups.verify'),
        run: () => void run(t('failed.verify'), 'backups.verify', { backups: [String(backup.id)] }),
      },
      {
        id: 'objects.open',
        label: t('action.showObject'),
        icon: IconListDetails,
        disabled: backup.objectId === null ? t('reason.objectGone') : undefined,
        run: () => void navigate(`/objects?vm=${backup.objectId}`),
      },
      {
        id: 'backups.delete',
        label: t('action.deletePoint'),
        icon: IconTrash,
        shortcut: 'Del',
        danger: true,
        startsGroup: true,
        disabled: allowed('backups.delete'),
        run: () =>
          ask({
            title: t('confirm.deletePoint.title', { id: backup.id, name: backup.object }),
            text: t('confirm.deletePoint.text'),
            facts: [
              [t('backup.created'), format.fullTime(backup.createdAt, backup.zone)],
              [t('rule.pool'), backup.pool],
              [t('backup.stored'), format.bytes(backup.storedBytes)],
            ],
            verb: t('confirm.deletePoint.verb'),
            confirm: () => attempt('backups.delete', { backups: [String(backup.id)] }),
          }),
      },
    ],
    [t, format, navigate, allowed, run, attempt, ask],
  );
}
