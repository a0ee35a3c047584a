import type { TaskView } from '../../../shared/contract/engine/tasks.ts';
import type { MaintenanceResult } from '../../../shared/model/maintenance.ts';
import { CopyText } from '../../components/copy-text.tsx';
import { useText } from '../../text/use-text.ts';

/** What maintenance found or did, in a few words. */
function Found({ found }: { readonly found: MaintenanceResult }) {
  const { t, format } = useText();
  switch (found.kind) {
    case 'check':
      return found.ok ? (
        t('found.ok')
      ) : (
        <span className="failed">{t('found.damages', { count: found.errorCount })}</span>
      );
    case 'verify': {
      const bad = found.points.filter(({ verification }) => verification === 'suspicious').length;
      const good = found.points.length - bad;
      return (
        <>
          {good > 0 && t('found.trusted', { count: good })} {bad > 0 && t('found.suspicious', { count: bad })}
        </>
      );
    }
    case 'prune':
      return t(found.dryRun ? 'found.wouldFree' : 'found.freed', { size: format.bytes(found.freedBytes) });
    case 'delete':
      return t('found.deleted', { count: found.deleted.length });
    case 'rebuildIndex':
      return t('found.packs', { count: found.packs });
  }
}

/** What a task has made or found. */
export function TaskResult({ result }: { readonly result: NonNullable<TaskView['result']> }) {
  if ('path' in result) return <CopyText text={result.path} />;
  if ('kind' in result) return <Found found={result} />;
  return (
    <span>
      {result.vmName} <span className="mono t3">{result.vmId}</span>
    </span>
  );
}
