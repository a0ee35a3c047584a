import type { ThunkAction, UnknownAction } from '@reduxjs/toolkit';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import type { TaskProgress } from '../../shared/contract/notice.ts';
import { isEnded } from '../../shared/model/task.ts';
import { engineApi, type Reach } from './engine-api.ts';
import type { AppState } from './store.ts';

type Patch = ThunkAction<void, AppState, Reach, UnknownAction>;
type ByTask = ReadonlyMap<number, TaskProgress>;

/** Figures that were on their way when the task ended are late: an ended task stays as it is. */
function patchTask(task: TaskView, byTask: ByTask): void {
  if (!isEnded(task.state)) Object.assign(task, byTask.get(task.id));
}

function patchTasks(byTask: ByTask): Patch {
  return (dispatch, getState) => {
    const state = getState();
    for (const params of engineApi.util.selectCachedArgsForQuery(state, 'tasks.list')) {
      const update = engineApi.util.updateQueryData('tasks.list', params, (answer) => {
        for (const row of answer.rows) patchTask(row, byTask);
      });
      dispatch(update);
    }
    for (const params of engineApi.util.selectCachedArgsForQuery(state, 'tasks.get')) {
      dispatch(
        engineApi.util.updateQueryData('tasks.get', params, (task) => {
          patchTask(task, byTask);
        }),
      );
    }
  };
}

function patchObjects(byTask: ByTask): Patch {
  return (dispatch, getState) => {
    for (const params of engineApi.util.selectCachedArgsForQuery(getState(), 'objects.list')) {
      const update = engineApi.util.updateQueryData('objects.list', params, (answer) => {
        for (const { lastTask } of answer.rows) {
          const live = lastTask === null ? undefined : byTask.get(lastTask.id);
          if (lastTask !== null && live !== undefined && !isEnded(lastTask.state))
            Object.assign(lastTask, { state: live.state, percent: live.percent });
        }
      });
      dispatch(update);
    }
  };
}

function patchRules(byTask: ByTask): Patch {
  return (dispatch, getState) => {
    for (const params of engineApi.util.selectCachedArgsForQuery(getState(), 'rules.list')) {
      const update = engineApi.util.updateQueryData('rules.list', params, (answer) => {
        for (const member of answer.rows.flatMap((rule) => rule.members)) {
          const live = member.taskId === null ? undefined : byTask.get(member.taskId);
          if (live !== undefined && member.state !== 'done') member.percent = live.percent;
        }
      });
      dispatch(update);
    }
  };
}

/** Writes live figures into every cached answer that shows them, instead of asking again (no polling). */
export function patchProgress(progress: readonly TaskProgress[]): Patch {
  const byTask = new Map(progress.map((one) => [one.id, one]));
  return (dispatch) => {
    dispatch(patchTasks(byTask));
    dispatch(patchObjects(byTask));
    dispatch(patchRules(byTask));
  };
}
