import { IconEyeCheck, IconFileText, IconPlayerStop, IconRefresh, IconX } from '@tabler/icons-react';
import { useCallback } from 'react';
import { useNavigate } from 'react-router';
import type { TaskView } from '../../../shared/contract/engine/tasks.ts';
import { isEnded } from '../../../shared/model/task.ts';
import type { Action } from '../../components/action.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from './dialog-host.tsx';
import { resourceOf, taskType } from './task-words.ts';
import { useAllowed } from './use-allowed.ts';
import { useRun, useTry } from './use-run.ts';

/** Cancel and abandon, each with a question that says what is lost. */
function useEndings(): (task: TaskView) => Action[] {
  const { t, format } = useText();
  const allowed = useAllowed();
  const attempt = useTry();
  const { ask } = useDialogs();
  return useCallback(
    (task: TaskView): Action[] => {
      const params = { task: String(task.id) };
      const name = resourceOf(task) ?? String(task.id);
      const facts = [
        [t('task.type'), taskType(t, task)],
        [t('task.discards'), task.bytesStored > 0 ? format.bytes(task.bytesStored) : t('common.nothing')],
        [t('task.keeps'), t(`confirm.cancelTask.keeps.${task.kind}`)],
      ] as const;
      const cancel: Action = {
        id: 'tasks.cancel',
        label: t('action.cancelTask'),
        icon: IconPlayerStop,
        danger: true,
        startsGroup: true,
        disabled: task.state === 'cancelling' ? t('reason.cancelling') : allowed('tasks.cancel'),
        run: () =>
          ask({
            title: t('confirm.cancelTask.title', { id: task.id, name }),
            facts,
            verb: t('confirm.cancelTask.verb'),
            confirm: () => attempt('tasks.cancel', params),
          }),
      };
      const abandon: Action = {
        id: 'tasks.abandon',
        label: t('action.abandon'),
        icon: IconX,
        danger: true,
        disabled: allowed('tasks.abandon'),
        run: () =>
          ask({
            title: t('confirm.abandonTask.title', { id: task.id, name }),
            text: t('confirm.abandonTask.text'),
            facts: facts.slice(0, 1),
            verb: t('confirm.abandonTask.verb'),
            confirm: () => attempt('tasks.abandon', params),
          }),
      };
      if (isEnded(task.state)) return [];
      return task.state === 'unknown' ? [cancel, abandon] : [cancel];
    },
    [t, format, allowed, attempt, ask],
  );
}

/** What can be done with a task. */
export function useTaskActions(): (task: TaskView) => Action[] {
  const { t } = useText();
  const navigate = useNavigate();
  const allowed = useAllowed();
  const run = useRun();
  const endings = useEndings();
  return useCallback(
    (task: TaskView): Action[] => {
      const again: Action = {
        id: 'rules.run',
        label: t('action.runAgain'),
        icon: IconRefresh,
        disabled: allowed('rules.run'),
        run: () => void run(t('failed.runRule', { name: task.rule }), 'rules.run', { rule: String(task.ruleId) }),
      };
      const seen: Action = {
        id: 'tasks.markSeen',
        label: t('action.markSeen'),
        icon: IconEyeCheck,
        disabled: allowed('tasks.markSeen'),
        run: () => void run(t('action.markSeen'), 'tasks.markSeen', { task: String(task.id) }),
      };
      const log: Action = {
        id: 'logs',
        label: t('action.log'),
        icon: IconFileText,
        shortcut: 'l',
        run: () => void navigate(`/logs?task=${task.id}`),
      };
      return [
        ...(isEnded(task.state) && task.kind === 'backup' && task.ruleId !== null ? [again] : []),
        ...(task.unseen ? [seen] : []),
        log,
        ...endings(task),
      ];
    },
    [t, navigate, allowed, run, endings],
  );
}
