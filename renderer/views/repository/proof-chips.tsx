import { IconCircleCheck, IconLock, IconMinus, IconSignature, IconTrashX } from '@tabler/icons-react';
import type { BackupView } from '../../../shared/contract/engine/backups.ts';
import { Chip, LineChip } from '../../components/state.tsx';
import { useText } from '../../text/use-text.ts';

/** What is known of a point's soundness, in fixed order: there, verified, transformed, signed. */
export function ProofChips({ backup }: { readonly backup: BackupView }) {
  const { t } = useText();
  const { verification } = backup;
  return (
    <span className="proofs">
      {backup.state === 'missing' && (
        <Chip tone="failed" icon={IconTrashX} title={t('backup.missingTip')}>
          {t('backup.missing')}
        </Chip>
      )}
      {verification === 'trusted' && (
        <Chip tone="copied" icon={IconCircleCheck}>
          {t('verification.trusted')}
        </Chip>
      )}
      {verification === 'suspicious' && <Chip tone="suspect">{t('verification.suspicious')}</Chip>}
      {verification === 'notVerified' && (
        <Chip tone="idle" icon={IconMinus}>
          {t('verification.notVerified')}
        </Chip>
      )}
      {backup.transform !== null && (
        <LineChip icon={IconLock} title={`${t('backup.transformation')}: ${backup.transform}`}>
          {backup.transform}
        </LineChip>
      )}
      {backup.signed && (
        <LineChip icon={IconSignature} title={t('backup.signed')}>
          {t('backup.signed')}
        </LineChip>
      )}
    </span>
  );
}
