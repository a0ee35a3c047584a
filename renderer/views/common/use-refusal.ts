import type { UseFormReturnType } from '@mantine/form';
import { useCallback, useState } from 'react';
import type { WireError } from '../../../shared/errors.ts';
import { errorText } from '../../text/error-texts.ts';
import { useText } from '../../text/use-text.ts';

/**
 * Where a form shows what the engine refused: at the field that it is about, else over the form.
 * @param fieldOf name of that field; undefined = none of the form's
 */
export function useRefusal<T extends Record<string, unknown>>(
  form: Pick<UseFormReturnType<T>, 'setFieldError'>,
  fieldOf: (error: WireError) => (keyof T & string) | undefined,
) {
  const { language } = useText();
  const [failure, setFailure] = useState<WireError>();
  const clear = useCallback(() => setFailure(undefined), []);
  const refuse = (error: WireError) => {
    const field = fieldOf(error);
    if (field === undefined) return setFailure(error);
    form.setFieldError(field, `${error.message}. ${error.hint ?? errorText(language, error.code).action}`);
  };
  return { failure, refuse, clear };
}
