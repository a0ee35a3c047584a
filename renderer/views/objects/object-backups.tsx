import { IconDatabase } from '@tabler/icons-react';
import { Link } from 'react-router';
import type { ObjectView } from '../../../shared/contract/engine/objects.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { Time } from '../../components/time.tsx';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useBackupActions } from '../common/backup-actions.ts';
import { ProofChips } from '../repository/proof-chips.tsx';

const shownPoints = 50;

/** The newest points of a VM; the Repository has them all. */
export function ObjectBackups({ object }: { readonly object: ObjectView }) {
  const { t, format } = useText();
  const answer = useEngine('backups.list', { object: String(object.id), limit: shownPoints });
  const actionsOf = useBackupActions();
  const rows = answer.data?.rows ?? [];
  if (answer.error !== undefined && answer.data === undefined)
    return (
      <div className="sec">
        <ErrorLine error={answer.error} />
      </div>
    );
  if (answer.data !== undefined && rows.length === 0) {
    return (
      <EmptyState icon={IconDatabase} title={t('objects.noBackup')}>
        {t('objects.noBackupWhy')}
      </EmptyState>
    );
  }
  return (
    <div className="scroll">
      <section className="sec">
        <table className="mini">
          <thead>
            <tr>
              <th>{t('backup.created')}</th>
              <th>{t('backup.proof')}</th>
              <th className="r">{t('backup.stored')}</th>
              <th>
                <span className="vh">{t('common.actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((backup) => (
              <tr key={backup.id}>
                <td className="nw">
                  <Time at={backup.createdAt} zone={backup.zone} />
                  <div className="t3 mono">{backup.id}</div>
                </td>
                <td>
                  <ProofChips backup={backup} />
                </td>
                <td className="r tn" title={format.exactBytes(backup.storedBytes)}>
                  {format.bytes(backup.storedBytes)}
                </td>
                <td className="r">
                  {actionsOf(backup)
                    .slice(0, 1)
                    .map((action) => (
                      <ActionButton key={action.id} action={action} small />
                    ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {answer.data !== undefined && answer.data.total > rows.length && (
          <p style={{ marginTop: 8 }}>
            <Link to={`/repository?object=${object.id}`}>{t('objects.allPoints', { count: answer.data.total })}</Link>
          </p>
        )}
      </section>
    </div>
  );
}
