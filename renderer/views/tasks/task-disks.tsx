import { IconInfoCircle } from '@tabler/icons-react';
import { Fragment } from 'react';
import { Link } from 'react-router';
import type { TaskView } from '../../../shared/contract/engine/tasks.ts';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { useText } from '../../text/use-text.ts';
import { reasonText } from '../../text/reason-texts.ts';
import { hasDisks } from '../common/task-words.ts';

type TaskDisk = TaskView['disks'][number];

/** Why a disk was read whole, with what it cost; nothing for a disk that went as asked. */
function Reason({ disk, isOpen }: { readonly disk: TaskDisk; readonly isOpen: boolean }) {
  const { t, format, language } = useText();
  if (disk.reason === null) return null;
  const cost = { read: format.bytes(disk.bytesRead), stored: format.bytes(disk.bytesStored) };
  return (
    <tr className="why">
      <td colSpan={5}>
        <span className="row s12 t2" style={{ gap: 6, alignItems: 'flex-start' }}>
          <IconInfoCircle className="ic xs" aria-hidden style={{ marginTop: 2 }} />
          <span className="wrap">
            {t('task.readWhole')} {reasonText(language, disk.reason)} {!isOpen && t('task.readWholeCost', cost)}
          </span>
        </span>
      </td>
    </tr>
  );
}

function Mode({ disk }: { readonly disk: TaskDisk }) {
  const { t } = useText();
  if (disk.mode === 'restore') return null;
  return (
    <div className="s12 t3">
      {t(`diskMode.${disk.mode}`)}
      {disk.baseBackupId !== null && (
        <>
          {', '}
          <Link className="ul" to={`/repository?point=${disk.baseBackupId}`} title={t('task.basePoint')}>
            {t('task.since', { id: disk.baseBackupId })}
          </Link>
        </>
      )}
    </div>
  );
}

/** The disks of a task: how each is read, its plan and how far it got. */
export function TaskDisks({ task }: { readonly task: TaskView }) {
  const { t, format } = useText();
  if (!hasDisks(task)) return null;
  if (task.disks.length === 0) return <p className="s12 t3">{t('task.noDisks')}</p>;
  const isBackup = task.kind === 'backup';
  const isOpen = task.endedAt === null;
  return (
    <table className="dk">
      <thead>
        <tr>
          <th>{t('objects.disk')}</th>
          <th className="r">{t('task.plan')}</th>
          {isBackup && <th className="r">{t('task.stored')}</th>}
          <th style={{ width: '38%' }}>
            <span className="vh">{t('task.progress')}</span>
          </th>
          <th className="r">{t(isBackup ? 'task.read' : 'task.written')}</th>
        </tr>
      </thead>
      <tbody>
        {task.disks.map((disk) => {
          const percent = disk.plannedBytes === 0 ? 100 : Math.min(100, (disk.bytesRead / disk.plannedBytes) * 100);
          return (
            <Fragment key={disk.id}>
              <tr>
                <td>
                  <span className="mono">{disk.id}</span>
                  <Mode disk={disk} />
                </td>
                <td className="r t2 tn">{format.bytes(disk.plannedBytes)}</td>
                {isBackup && <td className="r t2 tn">{format.bytes(disk.bytesStored)}</td>}
                <td>
                  <ProgressBar percent={percent} tone={percent >= 100 ? 'done' : 'running'} label={disk.id} />
                </td>
                <td className="r tn" title={format.exactBytes(disk.bytesRead)}>
                  {isOpen ? format.percent(percent) : format.bytes(disk.bytesRead)}
                </td>
              </tr>
              <Reason disk={disk} isOpen={isOpen} />
            </Fragment>
          );
        })}
      </tbody>
    </table>
  );
}
