import { PasswordInput } from '@mantine/core';
import { useText } from '../text/use-text.ts';

/** A new password; browsers neither fill it nor offer one that is kept for this page. */
export function SecretInput({ input }: { readonly input: object }) {
  const { t } = useText();
  return (
    <PasswordInput
      {...input}
      autoComplete="new-password"
      visibilityToggleButtonProps={{ 'aria-label': t('common.showPassword') }}
    />
  );
}
