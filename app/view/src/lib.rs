//! `view!`: the markup of Leptos, turned into calls of code that is compiled once.
//!
//! Leptos' own macro makes a type of its own of every element with its attributes and children, and the compiler writes
//! the code that builds, compares and removes it anew for each: half of what a phone had to load. This one understands
//! the same markup, as far as the app uses it, and fills `crate::ui::Element` instead. Components are called as Leptos
//! calls them.
//!
//! Start at `Writer`. What the markup may hold:
//!
//! | in the markup | becomes |
//! |---|---|
//! | `<div class="x" id=id>` | `Element`; texts known beforehand in one list, the rest by `attr` |
//! | `on:click=f`, `prop:value=v`, `class:on=v`, `style:width=v`, `node_ref=r` | `on`, `prop`, `class`, `style`, `node_ref` |
//! | `"text"`, `{expression}` | `child`, of whatever is an `IntoChild` |
//! | `<Card tone=t>…</Card>`, `<For … let(item)>` | the component with these props and children |

use std::{
    cell::Cell,
    hash::{DefaultHasher, Hash, Hasher},
};

use proc_macro::TokenStream;
use proc_macro2::{Ident, Span, TokenStream as Tokens};
use quote::quote;
use rstml::node::{
    CustomNode, KeyedAttribute, KeyedAttributeValue, Node, NodeAttribute, NodeElement, NodeName,
};
use syn::{Error, Expr, Lit, Result, spanned::Spanned};

/// Markup as a view: an `Element` of one element, an `AnyView` of one component, a `Vec<AnyView>` of several nodes.
#[proc_macro]
pub fn view(markup: TokenStream) -> TokenStream {
    let mut hasher = DefaultHasher::new();
    markup.to_string().hash(&mut hasher);
    // The lower half of the hash is as good as the whole.
    let writer = Writer { mark: Cell::new(hasher.finish() as u32) };
    let view = rstml::parse2(markup.into()).and_then(|nodes| writer.view(&nodes));
    view.unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Writes one view.
struct Writer {
    /// Tells the elements of the app apart: what the next one is marked with.
    mark: Cell<u32>,
}

impl Writer {
    fn view(&self, nodes: &[Node]) -> Result<Tokens> {
        match nodes {
            [Node::Element(element)] if is_component(element.name()) => self.component(element),
            [Node::Element(element)] => self.html(element),
            nodes => {
                let children = self.children(nodes)?;
                Ok(quote! { ::std::vec![#(#children),*] })
            }
        }
    }

    fn children<C: CustomNode>(&self, nodes: &[Node<C>]) -> Result<Vec<Tokens>> {
        nodes.iter().filter_map(|node| self.child(node).transpose()).collect()
    }

    /// A node as an `AnyView`; a comment is none.
    fn child<C: CustomNode>(&self, node: &Node<C>) -> Result<Option<Tokens>> {
        let view = match node {
            Node::Comment(_) | Node::Doctype(_) => return Ok(None),
            Node::Element(element) if is_component(element.name()) => self.component(element)?,
            Node::Element(element) => self.html(element)?,
            Node::Text(text) => {
                let text = &text.value;
                quote! { #text }
            }
            // The braces are the markup's: around a single value they are none too many.
            Node::Block(block) => quote! { #[allow(unused_braces)] #block },
            Node::Fragment(_) | Node::RawText(_) | Node::Custom(_) => {
                return Err(Error::new(
                    node.span(),
                    "text stands in quotes, everything else in elements or braces",
                ));
            }
        };
        Ok(Some(quote! { crate::ui::IntoChild::into_child(#view) }))
    }

    /// An element of HTML or SVG, as an `Element`.
    fn html<C: CustomNode>(&self, element: &NodeElement<C>) -> Result<Tokens> {
        let tag = element.name().to_string();
        let (mut fixed, mut calls) = (Vec::new(), Vec::new());
        // No expression of the markup sees this name. The calls are written out, because traits of Leptos have methods
        // of the same names that come first.
        let it = Ident::new("element", Span::mixed_site());
        let class = quote! { crate::ui::Element };
        for attribute in element.attributes() {
            let NodeAttribute::Attribute(attribute) = attribute else {
                return Err(Error::new(attribute.span(), "attributes are written one by one"));
            };
            let key = attribute.key.to_string();
            let value = value(attribute);
            match key.split_once(':') {
                Some(("on", event)) => {
                    let event = Ident::new(event, attribute.key.span());
                    calls.push(quote! { #class::on(&mut #it, ::leptos::ev::#event, #value); });
                }
                Some((kind @ ("prop" | "class" | "style"), name)) => {
                    let set = Ident::new(kind, attribute.key.span());
                    calls.push(quote! { #class::#set(&mut #it, #name, #value); });
                }
                Some(_) => {
                    return Err(Error::new(attribute.key.span(), "only on:, prop:, class: and style:"));
                }
                None if key == "node_ref" => calls.push(quote! { #class::node_ref(&mut #it, #value); }),
                None => match known(attribute) {
                    Some(text) => fixed.push(quote! { (#key, #text) }),
                    None => calls.push(quote! { #class::attr(&mut #it, #key, #value); }),
                },
            }
        }
        let mark = self.mark.replace(self.mark.get().wrapping_add(1));
        for child in self.children(&element.children)? {
            calls.push(quote! { #class::child(&mut #it, #child); });
        }
        Ok(quote! {{
            #[allow(unused_mut)]
            let mut #it = #class::new(#tag, #mark, &[#(#fixed),*]);
            #(#calls)*
            #it
        }})
    }

    /// A component, as an `AnyView`.
    fn component<C: CustomNode>(&self, element: &NodeElement<C>) -> Result<Tokens> {
        let name = element.name();
        let (mut props, mut bindings) = (Vec::new(), Vec::new());
        for attribute in element.attributes() {
            let NodeAttribute::Attribute(attribute) = attribute else {
                return Err(Error::new(attribute.span(), "props are written one by one"));
            };
            if let KeyedAttributeValue::Binding(binding) = &attribute.possible_value {
                bindings.extend(binding.inputs.iter().map(|input| quote! { #input }));
                continue;
            }
            let (key, value) = (&attribute.key, value(attribute));
            props.push(quote! { .#key(#value) });
        }
        let children = if element.children.is_empty() {
            quote! {}
        } else {
            let mut children = self.children(&element.children)?;
            let children = if children.len() == 1 {
                children.remove(0)
            } else {
                quote! { crate::ui::IntoChild::into_child(::std::vec![#(#children),*]) }
            };
            if bindings.is_empty() {
                quote! { .children(::leptos::children::ToChildren::to_children(move || #children)) }
            } else {
                quote! { .children(move |#(#bindings),*| #children) }
            }
        };
        Ok(quote! {
            ::leptos::prelude::IntoAny::into_any(::leptos::component::component_view(
                &#name,
                ::leptos::component::component_props_builder(&#name) #(#props)* #children .build(),
            ))
        })
    }
}

/// The expression that an attribute is set to: of one that stands alone, its own name for a prop, `true` else.
fn value(attribute: &KeyedAttribute) -> Tokens {
    match (attribute.value(), &attribute.key) {
        (Some(Expr::Block(block)), _) if block.block.stmts.len() == 1 && block.attrs.is_empty() => {
            let statement = &block.block.stmts[0];
            match statement {
                syn::Stmt::Expr(expression, None) => quote! { #expression },
                statement => quote! { { #statement } },
            }
        }
        (Some(value), _) => quote! { #value },
        (None, NodeName::Path(path)) => quote! { #path },
        (None, _) => quote! { true },
    }
}

/// The text that an attribute is set to, where it is known when the app is compiled.
fn known(attribute: &KeyedAttribute) -> Option<String> {
    let Some(Expr::Lit(literal)) = attribute.value() else { return None };
    match &literal.lit {
        Lit::Str(text) => Some(text.value()),
        _ => None,
    }
}

/// Components begin with a capital letter.
fn is_component(name: &NodeName) -> bool {
    name.to_string().rsplit("::").next().is_some_and(|last| last.starts_with(char::is_uppercase))
        || name.to_string().contains("::")
}
