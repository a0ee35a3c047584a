import type { ObjectView } from '../../../shared/contract/engine/objects.ts';
import { Chip, State } from '../../components/state.tsx';
import { useText } from '../../text/use-text.ts';
import { objectState } from './object-state.ts';

interface Props {
  readonly object: ObjectView;
  readonly asChip?: boolean;
}

/** The state of protection: icon, word, and the percent of a running task. */
export function ObjectStateCell({ object, asChip }: Props) {
  const { t, format } = useText();
  const { word, tone, icon, percent } = objectState(object);
  const text = t(`state.${word}`) + (typeof percent === 'number' ? ` ${format.count(percent)}\u00a0%` : '');
  const title = t(`stateTip.${word}`);
  return asChip === true ? (
    <Chip tone={tone} icon={icon} title={title}>
      {text}
    </Chip>
  ) : (
    <State tone={tone} icon={icon} title={title}>
      {text}
    </State>
  );
}
