/**
 * Certificates of withdrawals: written and signed by {@link
 * org.diffusionsoup.registry.certificate.Certificates}, kept beside the weights, and checked with
 * nothing but a public key and a store by {@link
 * org.diffusionsoup.registry.certificate.CertificateCheck}.
 */
@NullMarked
package org.diffusionsoup.registry.certificate;

import org.jspecify.annotations.NullMarked;
