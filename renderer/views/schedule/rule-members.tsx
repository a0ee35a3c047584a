import { IconHelpCircle, IconHourglass } from '@tabler/icons-react';
import { Link } from 'react-router';
import type { RuleMember, RuleView } from '../../../shared/contract/engine/rules.ts';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { State, type Tone } from '../../components/state.tsx';
import { Time } from '../../components/time.tsx';
import { useText } from '../../text/use-text.ts';
import { taskLook } from '../common/task-words.ts';

const shownMembers = 200;

function toneOf(state: RuleMember['state']): { tone: Tone; icon?: typeof IconHourglass } {
  if (state === 'pending') return { tone: 'idle', icon: IconHourglass };
  if (state === 'unknown') return { tone: 'idle', icon: IconHelpCircle };
  if (state === 'idle') return { tone: 'idle' };
  return state === 'done' ? { tone: 'copied' } : { tone: 'running' };
}

function MemberState({ member }: { readonly member: RuleMember }) {
  const { t, format } = useText();
  const { percent } = member;
  const word = t(`memberState.${member.state}`);
  return (
    <div className="row">
      <State {...toneOf(member.state)}>
        {percent === null || member.state === 'done' ? word : `${word} ${format.percent(percent)}`}
      </State>
      {percent !== null && member.state === 'running' && (
        <span style={{ width: 96 }}>
          <ProgressBar percent={percent} label={member.name} />
        </span>
      )}
    </div>
  );
}

/** The VMs of an opened rule, each with its state, its task and its last result. */
export function RuleMembers({ rule }: { readonly rule: RuleView }) {
  const { t } = useText();
  const shown = rule.members.slice(0, shownMembers);
  return (
    <div style={{ padding: '8px 16px 12px 40px' }}>
      <table className="mini" style={{ maxWidth: 860 }}>
        <thead>
          <tr>
            <th>{t('objects.vm')}</th>
            <th>{t('objects.state')}</th>
            <th>{t('rule.lastResult')}</th>
            <th className="r">{t('rule.lastEnd')}</th>
            <th className="r">{t('task.task')}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((member) => (
            <tr key={member.objectId}>
              <td>
                <Link to={`/objects?vm=${member.objectId}`}>{member.name}</Link>
              </td>
              <td>
                <MemberState member={member} />
              </td>
              <td>
                {member.lastState === null ? (
                  <span className="t3">{t('common.never')}</span>
                ) : (
                  <State {...taskLook(member.lastState)}>{t(`taskState.${member.lastState}`)}</State>
                )}
              </td>
              <td className="r t2">{member.lastEndedAt !== null && <Time at={member.lastEndedAt} />}</td>
              <td className="r mono">
                {member.taskId !== null && <Link to={`/tasks/${member.taskId}`}>{member.taskId}</Link>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rule.members.length > shown.length && (
        <p className="s12 t3">{t('rule.moreMembers', { count: rule.members.length - shown.length })}</p>
      )}
    </div>
  );
}
