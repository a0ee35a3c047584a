import { SegmentedControl } from '@mantine/core';
import { type FormErrors, useForm } from '@mantine/form';
import { useState } from 'react';
import { ErrorLine } from '../../components/error-line.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { SecretInput } from '../../components/secret-input.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';

const ways = ['add', 'change'] as const;
type Way = (typeof ways)[number];

interface Props {
  /** Which repository: the pool's, or that of one of its clients or client groups. */
  readonly named: { readonly pool: string; readonly client?: string; readonly group?: string };
}

/** One more password for a repository, or another one for the pool itself. */
export function NewPassword({ named }: Props) {
  const { t } = useText();
  const [way, setWay] = useState<Way>('add');
  const [told, setTold] = useState<string>();
  const add = useCommand('repositories.addKey');
  const change = useCommand('repositories.changePassword');
  const form = useForm({
    initialValues: { password: '', again: '' },
    clearInputErrorOnChange: true,
    validate: ({ password, again }): FormErrors => ({
      ...(password === '' && { password: t('form.required') }),
      ...(password !== again && { again: t('form.passwordsDiffer') }),
    }),
  });
  const save = async (password: string) => {
    setTold(undefined);
    const wanted = { ...named, password };
    const outcome = way === 'add' ? await add.run(wanted) : await change.run(wanted);
    if (!outcome.ok) return;
    form.reset();
    const problem = 'problem' in outcome.value ? outcome.value.problem : null;
    setTold(problem === null ? t(`poolKeys.done.${way}`) : t('poolKeys.oldStays', { problem }));
  };
  const textOf = (wanted: Way) =>
    wanted === 'change' && (named.client ?? named.group) !== undefined ? 'changeOwn' : wanted;
  const { error, isRunning } = way === 'add' ? add : change;
  return (
    <form className="fs keys-new" noValidate onSubmit={form.onSubmit(({ password }) => void save(password))}>
      <SegmentedControl
        size="xs"
        aria-label={t('poolKeys.way')}
        value={way}
        onChange={(value) => setWay(ways.find((known) => known === value) ?? 'add')}
        data={ways.map((value) => ({ value, label: t(`poolKeys.${textOf(value)}`) }))}
      />
      <p className="help">{t(`poolKeys.help.${textOf(way)}`)}</p>
      <FormRow label={t('pool.password')} required error={form.errors['password']}>
        {(field) => <SecretInput input={{ ...form.getInputProps('password'), ...field }} />}
      </FormRow>
      <FormRow label={t('pool.again')} required error={form.errors['again']}>
        {(field) => <SecretInput input={{ ...form.getInputProps('again'), ...field }} />}
      </FormRow>
      {error !== undefined && <ErrorLine error={error} />}
      <div className="row">
        <span className="s12 t2" role="status">
          {told}
        </span>
        <span className="sp" />
        <button type="submit" className="btn pri" aria-busy={isRunning} disabled={isRunning}>
          {isRunning ? t('common.working') : t(`poolKeys.verb.${way}`)}
        </button>
      </div>
    </form>
  );
}
