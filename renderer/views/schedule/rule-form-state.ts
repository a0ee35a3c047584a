import { useForm } from '@mantine/form';
import { useEffect } from 'react';
import type { RuleView } from '../../../shared/contract/engine/rules.ts';
import { backupTypes, type Quiesce, quiesceSchema } from '../../../shared/model/job.ts';
import { transformCiphers } from '../../../shared/model/transform.ts';
import { absolutePathSchema } from '../../../shared/schema.ts';
import type { Params } from '../../store/engine-api.ts';
import { useText } from '../../text/use-text.ts';

type Fields = Params<'rules.add'>;

export interface RuleFormValues {
  name: string;
  platform: string | null;
  objects: string[];
  pool: string | null;
  type: string;
  client: string | null;
  /** Empty: none. */
  transform: string;
  freeze: boolean;
  requireConsistency: boolean;
  scriptBefore: string;
  scriptAfter: string;
  scriptTimeoutSeconds: number | string;
}

function startOf(rule: RuleView | undefined, defaults: Partial<RuleFormValues>): RuleFormValues {
  const empty: RuleFormValues = {
    name: '',
    platform: null,
    objects: [],
    pool: null,
    type: 'incremental',
    client: null,
    transform: '',
    ...quiesceValues(quiesceSchema.parse({})),
  };
  if (rule === undefined) return { ...empty, ...defaults };
  return {
    name: rule.name,
    platform: String(rule.platformId),
    objects: rule.members.map(({ objectId }) => String(objectId)),
    pool: String(rule.poolId),
    type: rule.type,
    client: rule.clientId === null ? null : String(rule.clientId),
    transform: rule.transform ?? '',
    ...quiesceValues(rule.quiesce),
  };
}

function quiesceValues(quiesce: Quiesce) {
  return { ...quiesce, scriptBefore: quiesce.scriptBefore ?? '', scriptAfter: quiesce.scriptAfter ?? '' };
}

function pathOrNull(text: string): string | null {
  return text.trim() === '' ? null : text.trim();
}

/** The values as the contract wants them. */
export function toRuleFields(values: RuleFormValues): Fields {
  return {
    name: values.name,
    platform: values.platform ?? '',
    objects: values.objects,
    pool: values.pool ?? '',
    type: backupTypes.find((type) => type === values.type) ?? 'full',
    client: values.client,
    transform: transformCiphers.find((cipher) => cipher === values.transform) ?? null,
    quiesce: {
      freeze: values.freeze || values.requireConsistency,
      requireConsistency: values.requireConsistency,
      scriptBefore: pathOrNull(values.scriptBefore),
      scriptAfter: pathOrNull(values.scriptAfter),
      scriptTimeoutSeconds: Number(values.scriptTimeoutSeconds),
    },
  };
}

/** State of the rule form with its checks. */
export function useRuleForm(rule: RuleView | undefined, defaults: Partial<RuleFormValues>) {
  const { t } = useText();
  const required = (value: string | null) => (value === null || value.trim() === '' ? t('form.required') : null);
  const optionalPath = (value: string) =>
    pathOrNull(value) === null || absolutePathSchema.safeParse(value.trim()).success ? null : t('form.absolutePath');
  return useForm<RuleFormValues>({
    initialValues: startOf(rule, defaults),
    // Not the fields that are merely empty still: the line of their error would move the field that is being clicked.
    validateInputOnBlur: ['scriptBefore', 'scriptAfter', 'scriptTimeoutSeconds'],
    clearInputErrorOnChange: true,
    validate: {
      name: required,
      platform: required,
      pool: required,
      objects: (value) => (value.length === 0 ? t('rule.chooseVm') : null),
      scriptBefore: optionalPath,
      scriptAfter: optionalPath,
      scriptTimeoutSeconds: (value) =>
        quiesceSchema.shape.scriptTimeoutSeconds.safeParse(Number(value)).success ? null : t('form.invalid'),
    },
  });
}

export type RuleFormState = ReturnType<typeof useRuleForm>;

/** Where there is only one platform or pool, nobody needs to choose it. */
export function useOnlyChoice(
  form: RuleFormState,
  field: 'platform' | 'pool',
  choices: ReadonlyArray<{ id: number }>,
): void {
  const only = choices.length === 1 && choices[0] !== undefined ? String(choices[0].id) : null;
  const { setFieldValue } = form;
  const value = form.values[field];
  useEffect(() => {
    if (only !== null && value === null) setFieldValue(field, only);
  }, [only, value, field, setFieldValue]);
}
