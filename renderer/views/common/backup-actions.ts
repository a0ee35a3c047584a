import { IconListDetails, IconRestore } from '@tabler/icons-react';
import { useCallback } from 'react';
import { useNavigate } from 'react-router';
import type { BackupView } from '../../../shared/contract/engine/backups.ts';
import type { Action } from '../../components/action.ts';
import { useText } from '../../text/use-text.ts';
import { useAllowed } from './use-allowed.ts';

/** What can be done with a point. */
export function useBackupActions(): (backup: BackupView) => Action[] {
  const { t } = useText();
  const navigate = useNavigate();
  const allowed = useAllowed();
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
        id: 'objects.open',
        label: t('action.showObject'),
        icon: IconListDetails,
        disabled: backup.objectId === null ? t('reason.objectGone') : undefined,
        run: () => void navigate(`/objects?vm=${backup.objectId}`),
      },
    ],
    [t, navigate, allowed],
  );
}
