/**
 * Data leaves a registry with everything made of it: {@link
 * org.diffusionsoup.registry.withdraw.Withdrawals} tells it in order.
 */
@NullMarked
package org.diffusionsoup.registry.withdraw;

import org.jspecify.annotations.NullMarked;
