import { Link } from 'react-router';
import type { BackupView } from '../../../shared/contract/engine/backups.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { CopyText } from '../../components/copy-text.tsx';
import { KeyValues } from '../../components/key-values.tsx';
import { SidePanel } from '../../components/side-panel.tsx';
import { useText } from '../../text/use-text.ts';
import { useBackupActions } from '../common/backup-actions.ts';
import { ProofChips } from './proof-chips.tsx';

const mono = (text: string) => <span className="mono">{text}</span>;

/** Everything that is known of one point. */
export function PointPanel({ backup, onClose }: { readonly backup: BackupView; readonly onClose: () => void }) {
  const { t, format } = useText();
  const actions = useBackupActions()(backup);
  return (
    <SidePanel
      title={`${backup.object}, ${format.time(backup.createdAt)}`}
      below={
        <>
          {t('backup.point')} <span className="mono">{backup.id}</span> · {backup.pool}
        </>
      }
      actions={actions.map((action, index) => <ActionButton key={action.id} action={action} quiet={index > 0} />)}
      onClose={onClose}
    >
      <div className="scroll">
        <section className="sec">
          <KeyValues
            facts={[
              [t('backup.proof'), <ProofChips key="proof" backup={backup} />],
              [t('backup.consistency'), t(`consistency.${backup.consistency}`)],
              [
                t('task.frozen'),
                backup.frozenMilliseconds === null
                  ? null
                  : t('task.milliseconds', { count: backup.frozenMilliseconds }),
              ],
              [t('backup.created'), format.fullTime(backup.createdAt, backup.zone)],
              [t('backup.zone'), backup.zone],
              [t('backup.type'), t(`backupType.${backup.type}`)],
              [t('backup.refId'), backup.refId === null ? t('backup.noRef') : mono(String(backup.refId))],
              [
                t('backup.size'),
                <span key="size" title={format.exactBytes(backup.sizeBytes)}>
                  {format.bytes(backup.sizeBytes)}
                </span>,
              ],
              [
                t('backup.stored'),
                <span key="stored" title={format.exactBytes(backup.storedBytes)}>
                  {format.bytes(backup.storedBytes)}
                </span>,
              ],
              [t('backup.verified'), backup.verifiedAt === null ? null : format.fullTime(backup.verifiedAt)],
              [
                t('backup.verifyErrors'),
                backup.verifyErrors.length === 0
                  ? null
                  : backup.verifyErrors
                      .slice(0, 5)
                      .map(({ disk, offset, length, kind }) =>
                        disk === null || offset === null ? kind : `${disk} ${offset}+${length ?? 0}`,
                      )
                      .join(', '),
              ],
              [t('backup.transformation'), backup.transform ?? t('common.none')],
              [
                t('backup.transformKey'),
                backup.keyId === null ? null : (
                  <span key="key" className="mono">
                    {backup.keyId}
                  </span>
                ),
              ],
              [t('backup.signed'), t(backup.signed ? 'common.yes' : 'common.no')],
            ]}
          />
        </section>
        <section className="sec">
          <KeyValues
            facts={[
              [
                t('objects.vm'),
                backup.objectId === null ? (
                  backup.object
                ) : (
                  <Link key="vm" to={`/objects?vm=${backup.objectId}`}>
                    {backup.object}
                  </Link>
                ),
              ],
              [t('backup.vmUuid'), mono(backup.objectUuid)],
              [t('objects.platform'), backup.platform],
              [t('rule.rule'), backup.rule],
              [t('rule.client'), backup.client],
              [t('rule.pool'), backup.pool],
              ['UUID', mono(backup.uuid)],
            ]}
          />
        </section>
        <section className="sec">
          <h3>
            {t('objects.disks')}
            <span className="cnt">{backup.disks.length}</span>
          </h3>
          <table className="mini">
            <tbody>
              {backup.disks.map((disk) => (
                <tr key={disk.id}>
                  <td className="mono wrap">{disk.id}</td>
                  <td className="r tn">{format.bytes(disk.sizeBytes)}</td>
                  <td className="r mono t3" title={disk.digest}>
                    {disk.digest.slice(0, 12)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        <section className="sec">
          <h3>{t('backup.withRestic')}</h3>
          <CopyText text={`restic dump ${backup.snapshotId.slice(0, 16)} /vm/${backup.objectUuid}/vm.json`} block />
          <p className="help" style={{ marginTop: 6 }}>
            {t('backup.withResticHelp')}
          </p>
        </section>
      </div>
    </SidePanel>
  );
}
