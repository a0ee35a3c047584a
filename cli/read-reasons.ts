import english from '../assets/locales/reasons.en.json' with { type: 'json' };
import type { TaskView } from '../shared/contract/engine/tasks.ts';
import type { ReadReason } from '../shared/model/read-reason.ts';
import { bytes } from './output.ts';

/** Why a disk was read whole; a reason without a sentence does not compile. */
const sentences: Record<ReadReason, string> = english;

/** One sentence for each disk that was read whole against the wish, with its cost. */
export function readReasons(task: TaskView): string[] {
  return task.disks.flatMap((disk) => {
    if (disk.reason === null) return [];
    const cost = `read ${bytes(disk.bytesRead)}, stored ${bytes(disk.bytesStored)} of new data`;
    return [`disk ${disk.id} was read whole: ${sentences[disk.reason]} (${cost})`];
  });
}
